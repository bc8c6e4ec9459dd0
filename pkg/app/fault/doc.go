// Package fault holds tests and nothing else: whatever there is around wacast is broken
// while jobs are sent, and wacast with it, each in a process of its own. What was sent is
// judged by the simulator, which nothing breaks.
//
//	go test ./pkg/app/fault -v
//	go test ./pkg/app/fault -run FaultLong -fault.duration=20m -timeout 30m -v
package fault
