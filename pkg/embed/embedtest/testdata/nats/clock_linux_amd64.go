package main

// These two files put the clock of a program off by CLOCK_OFFSET seconds; timers and
// the monotonic clock run on. Tests lay them over the wacast that they build.

import (
	"os"
	"strconv"
	_ "unsafe" // for linkname
)

// kernelClock is the function that the runtime asks for the time.
//
//go:linkname kernelClock runtime.vdsoClockgettimeSym
var kernelClock uintptr

var clockOffset int64 // seconds

// offsetClock takes its place. Its caller passes arguments as C does.
func offsetClock()

// offsetClockAddress is where it begins.
func offsetClockAddress() uintptr

var _ = setClock()

func setClock() error {
	seconds, err := strconv.ParseInt(os.Getenv("CLOCK_OFFSET"), 10, 64)
	if err == nil {
		clockOffset, kernelClock = seconds, offsetClockAddress()
	}
	return err
}
