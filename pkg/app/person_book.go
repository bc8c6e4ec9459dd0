package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
)

// people is the book of people, read to its end, for one command.
type people struct {
	*recipient.Book
	key              recipient.Key
	consent, windows *queue.Bucket
	close            func()
}

// bookPatience is how long reading the buckets may take.
const bookPatience = 30 * time.Second

func (o *Operator) openPeople(ctx context.Context) (*people, error) {
	p := new(people)
	var err error
	if p.consent, err = queue.OpenBucket(ctx, o.js, o.names.ConsentBucket()); err != nil {
		return nil, err
	}
	if p.windows, err = queue.OpenBucket(ctx, o.js, o.names.WindowsBucket()); err != nil {
		return nil, err
	}
	if p.Book, p.key, err = openBook(ctx, o.js, o.cfg, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	p.close = runBook(p.Book)
	select {
	case <-p.Ready():
		return p, nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-time.After(bookPatience):
		err = errors.New("the server does not answer")
	}
	p.close()
	return nil, fmt.Errorf("read what is known of people: %w", err)
}
