package main

import "fmt"

// countable is what is counted with.
type countable interface{ ~int | ~int64 | ~uint64 }

// count is a number of things, as people write it: 1 job, 2 jobs.
func count[N countable](n N, what string) string { return plural(n, what, what+"s") }

// plural is a number with the words that go with one, or with any other: 1 job waits,
// 2 jobs wait.
func plural[N countable](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}
