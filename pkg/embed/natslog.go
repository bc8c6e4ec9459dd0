package embed

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// natsLogger hands what nats-server says to slog, if there is one, and keeps the
// reason when the server gives up. What the server calls a notice is about its own
// start and stop, and debug output to whoever embeds it.
type natsLogger struct {
	log   *slog.Logger // may be nil
	fatal atomic.Pointer[string]
}

func (l *natsLogger) Noticef(format string, v ...any) { l.say((*slog.Logger).Debug, format, v) }
func (l *natsLogger) Warnf(format string, v ...any)   { l.say((*slog.Logger).Warn, format, v) }
func (l *natsLogger) Errorf(format string, v ...any)  { l.say((*slog.Logger).Error, format, v) }
func (l *natsLogger) Debugf(format string, v ...any)  { l.say((*slog.Logger).Debug, format, v) }
func (l *natsLogger) Tracef(format string, v ...any)  { l.say((*slog.Logger).Debug, format, v) }

// Fatalf does not end the process, which is not the server's here.
func (l *natsLogger) Fatalf(format string, v ...any) {
	reason := fmt.Sprintf(format, v...)
	l.fatal.CompareAndSwap(nil, &reason)
	l.say((*slog.Logger).Error, format, v)
}

// failure is why the server gave up, or nil.
func (l *natsLogger) failure() error {
	if reason := l.fatal.Load(); reason != nil {
		return errors.New(*reason)
	}
	return nil
}

func (l *natsLogger) say(level func(*slog.Logger, string, ...any), format string, v []any) {
	if l.log != nil {
		level(l.log, fmt.Sprintf(format, v...))
	}
}
