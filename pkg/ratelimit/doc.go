// Package ratelimit hands out the send times of business numbers.
//
// The API allows a number so many messages in any second. Workers therefore
// don't take permits from a bucket, which would let them burst, but slots: send
// times one spacing apart (GCRA without burst, [Next]). A [Limiter] moves on the
// number's next free time and answers with delays, so replicas need not agree on
// the time of day; only the limiter's clock counts. [NewRedis] shares a number
// between replicas, [NewLocal] is for one process.
//
// Slots are given out at most one horizon ahead. Without that a replica could
// take a second's worth in advance, and a transactional job elsewhere would wait
// behind it. A call for more is told when to ask again. A limiter never sleeps:
// it returns the wait, and the caller's loop does the waiting.
//
// [Guard] is the second line: it keeps one process within a number's limit
// whatever the limiter said.
package ratelimit
