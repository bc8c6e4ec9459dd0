// Package app puts wacast together: it reads the settings, connects to NATS and
// Redis, wires the roles, serves the admin address and takes everything down
// again in the right order.
//
// Each role is wired in one place, used alike in production, in the embedded mode
// and in tests: what differs is only where NATS and Redis are.
//
// [New] wires without serving, [App.Start] returns at once, [App.Stop] is
// idempotent and bounded. Two apps run in one process.
package app
