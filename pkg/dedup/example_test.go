package dedup_test

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/job"
)

func Example() {
	server, err := embed.StartRedis()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	defer rdb.Close()

	ctx, ledger := context.Background(), dedup.New(rdb, dedup.Options{})
	reminder := dedup.Subject{
		Key:         job.Key{Campaign: "reminders-2026-11-23", ID: "appt-8812-reminder"},
		Body:        0x5eed, // job.BodyHash
		Publication: dedup.PublicationOf("WACAST_JOBS", 17),
	}
	nonce := dedup.NewNonce()
	claims, err := ledger.Claim(ctx, []dedup.ClaimRequest{{Subject: reminder, Nonce: nonce}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(claims[0].Verdict, "attempt", claims[0].Entry.Attempt)

	_, err = ledger.Settle(ctx, []dedup.Settlement{{Subject: reminder, Nonce: nonce, Attempt: 1, State: dedup.Accepted}})
	if err != nil {
		fmt.Println(err)
		return
	}

	reminder.Publication = dedup.PublicationOf("WACAST_JOBS", 18) // the file was read twice
	claims, err = ledger.Claim(ctx, []dedup.ClaimRequest{{Subject: reminder, Nonce: dedup.NewNonce()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(claims[0].Verdict, "as", claims[0].Entry.State, "by the same message:", claims[0].Entry.SamePublication)
	// Output:
	// yours attempt 1
	// settled as accepted by the same message: false
}
