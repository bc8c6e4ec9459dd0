// Package embedtest gives tests the servers they need, and the processes they break.
//
// [Redis] is for tests of everything that talks to Redis. What it is, in this order:
//
//   - the server of WACAST_TEST_REDIS_URL,
//   - a redis-server or valkey-server found on PATH, started for the run,
//   - miniredis, which with WACAST_REQUIRE_REDIS=1 is a failure instead: miniredis
//     is close to Redis but is not Redis, and CI must not mistake one for the other.
//
// A package with such tests calls [Main] in its TestMain. [FakeRedis] is always
// miniredis, with a clock the test sets. [Virtual] is for tests that measure time: a
// NATS and a miniredis that run on the virtual clock of the test.
//
// [Wards] are processes that a test starts, kills and puts to sleep, and that never
// outlive it: real servers ([RedisServer] finds one) and what [BuildPrograms] builds.
package embedtest
