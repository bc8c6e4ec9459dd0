// Package ratelimit hands out the send times of business numbers, and counts what
// is sent against quotas.
//
// The API allows a number so many messages in any second. Workers therefore
// don't take permits from a bucket, which would let them burst, but slots: send
// times one spacing apart (GCRA without burst, [Next]). A [Limiter] moves on the
// number's next free time and answers with delays, so replicas need not agree on
// the time of day; only the limiter's clock counts. [NewRedis] shares a number
// between replicas, [NewLocal] is for one process.
//
// Slots are given out at most one horizon ahead, and at most half of one but for the
// urgent. Without that a replica could take a second's worth in advance, and a
// transactional job elsewhere would wait behind it. A call for more is told when to ask
// again. A limiter never sleeps: it returns the wait, and the caller's loop does the
// waiting. A limiter's clock that jumps back gives out no slot too many; one that jumps
// ahead gives out one horizon's worth on top, once.
//
// When the API refuses a number for its rate all the same, Slow lowers its share of the
// limit for all replicas, by the square of the part that was refused: one refusal by
// itself costs nothing, refusals all the time for an eighth of a second cost half of the
// share and half a second's hold. It comes back quickly to 1 % below the share that was
// refused, slowly from there, and the faster the longer nothing is refused beyond it.
// Where the API gives half of the limit for a minute, about 1.6 % of the requests at 80 a
// second are refused (0.7 % at 1,000), most of them in the first half second, 95 % of
// the half is used, and the full limit is in use again 12 s after it is back.
//
// What jitter on the way needs of headroom follows from its width: of 80 slots spread
// over a second and 20 ms, never more than 80 arrive in a second if each is on its way
// for 10 to 30 ms. That is 1.95 % of headroom; with 1.9 % one request in some thousands is
// refused, with 1.5 % seven in a thousand.
//
// [RedisQuotas] and [LocalQuotas] keep to so many messages, or so many different
// recipients, in any rolling window.
//
// [Guard] is the second line: it keeps one process within a number's limit
// whatever the limiter said.
//
// [Simulate] runs replicas, limiter and a strict API in virtual time, by the same
// arithmetic. It chose the figures above. Every script of Redis has one key, so all of
// it runs on a Redis Cluster.
//
// The arithmetic is pure, and fuzzed:
//
//	go test ./pkg/ratelimit -run '^$' -fuzz FuzzNext    slots, while the clock jumps back
//	go test ./pkg/ratelimit -run '^$' -fuzz FuzzPace    with refusals and limits that change
//	go test ./pkg/ratelimit -run '^$' -fuzz FuzzQuota   no window holds more than a quota
package ratelimit
