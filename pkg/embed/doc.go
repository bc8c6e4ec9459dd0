// Package embed runs NATS and Redis inside the process, for wacast demo, the
// embedded mode and tests.
//
// [StartNATS] is a real nats-server with JetStream. [StartRedis] is miniredis:
// it speaks enough of Redis for every script of wacast, keeps everything in
// memory and forgets it when it is closed. It is right for a first try and for
// tests; production uses a real Redis or Valkey.
//
// The sub package embedtest gives tests a server each, a real Redis where there
// is one.
package embed
