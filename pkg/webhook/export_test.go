package webhook

import "time"

// Places are the requests under way.
func (rc *Receiver) Places() chan struct{} { return rc.places }

// SetRepeatWindow tells a processor that has not started how long the stream of
// events knows an id.
func (p *Processor) SetRepeatWindow(d time.Duration) { p.repeat = d }

// SetBackoff sets the first wait of a forwarder that has not started.
func (f *Forwarder) SetBackoff(d time.Duration) { f.backoff = d }

// Backoff is how long the n-th failure waits.
func Backoff(n int) time.Duration { return backoff(n, firstBackoff, maxBackoff) }
