package worker

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

func campaignItem(campaign string, lane job.Lane) *item {
	return &item{delivery: &queue.Delivery{Queue: queue.ID{Sender: "1", Lane: lane, Campaign: campaign}}, job: &job.Job{ID: campaign}}
}

// Campaigns of a number get the same share of its slots, whatever they have, and
// whether slots come one by one or many at once.
func TestCampaignsShareSlotsEqually(t *testing.T) {
	for _, batch := range []int{1, 2, 7, 64} {
		r, left := newReady(), map[string]int{"million": 100_000, "ten": 10, "some": 500}
		for campaign, n := range left {
			for range n {
				r.push(campaignItem(campaign, job.Bulk))
			}
		}
		slots := map[string]int{}
		for range 1200 / batch {
			for _, it := range r.take(batch) {
				slots[it.job.ID]++
			}
			if have := slots["some"]; slots["ten"] < min(10, have-1) || have < 500 && slots["million"] > have+1+batch && slots["ten"] < 10 {
				t.Fatalf("batches of %d: %v are not equal shares", batch, slots)
			}
		}
		if slots["ten"] != 10 || slots["some"] != 500 || slots["million"] < 600 {
			t.Errorf("batches of %d: %v", batch, slots)
		}
	}
}

// A campaign that comes late and one that runs dry change nothing for the others.
func TestRotaWithCampaignsThatComeAndGo(t *testing.T) {
	r := newReady()
	for i := range 3 {
		r.push(campaignItem("a", job.Bulk), campaignItem("b", job.Bulk))
		if i == 1 {
			r.push(campaignItem("c", job.Bulk))
		}
	}
	first := r.take(2)
	r.putBack(first)
	var order string
	for r.len() > 0 {
		order += r.take(1)[0].job.ID
	}
	if order != "cababab" {
		t.Errorf("served in the order %s", order)
	}
	if n := len(r.lanes[job.Bulk].turns) + len(r.lanes[job.Bulk].campaigns); n != 0 {
		t.Errorf("%d campaigns are kept that have nothing", n)
	}
}

func TestBulkIsNeverStarved(t *testing.T) {
	r := newReady()
	for range 1000 {
		r.push(campaignItem("confirmations", job.Transactional), campaignItem("coupons", job.Bulk))
	}
	passed := 0
	for i := range 1000 {
		if r.take(1)[0].delivery.Queue.Lane == job.Transactional {
			passed++
			continue
		}
		if passed != 19 {
			t.Fatalf("slot %d is a bulk job's after %d transactional ones, want 19", i, passed)
		}
		passed = 0
	}
}

// Numbers whose requests hang take what they can get, one after the other. One alone
// gets nearly all, and one more than there are still gets what it needs.
func TestPlacesAreLeftForOthers(t *testing.T) {
	for _, tt := range []struct{ places, hogs, taken, another int }{
		{1000, 1, 888, 99}, {1000, 2, 987, 11}, {1000, 50, 1000 + 46*8, 8}, {100, 1, 88, 10}, {3, 1, 3, 1}, {1, 1, 1, 1},
	} {
		p, taken := newPlaces(tt.places), 0
		for range tt.hogs {
			taken += p.take(newShare(), 1000)
		}
		if another := p.take(newShare(), 1000); another != tt.another || taken < tt.taken-10 || taken > tt.taken+10 {
			t.Errorf("of %d places, %d numbers that hang take %d, want about %d; one more gets %d, want %d", tt.places, tt.hogs, taken, tt.taken, another, tt.another)
		}
	}
}

// Whoever has the fewest places gets the next one that is free, and one that hangs
// waits for its own.
func TestFreePlacesGoToThoseWhoHaveTheFewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, hog, late := newPlaces(90), newShare(), newShare()
		hogs := p.take(hog, 90)
		others := p.take(late, 90)
		got := make(chan string, 2)
		for name, s := range map[string]*share{"hog": hog, "late": late} {
			go func() {
				if p.acquire(t.Context(), s, 1) == 1 {
					got <- name
				}
			}()
		}
		synctest.Wait()
		for range others/2 + 1 {
			p.release(hog, 1)
			synctest.Wait()
		}
		if name := <-got; name != "late" {
			t.Errorf("the place went to %s, which has %d of 90, want late, which has %d", name, hogs, others)
		}
		p.release(hog, hog.taken)
		synctest.Wait()
		if name := <-got; name != "hog" {
			t.Errorf("then it went to %s", name)
		}
	})
}

// Places given up by one whose time is over are not lost.
func TestPlacesSurviveCancelledWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, shares := newPlaces(4), []*share{newShare(), newShare(), newShare()}
		for i := range 1000 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%7)*time.Millisecond)
			for _, s := range shares {
				go func() {
					n := p.acquire(ctx, s, 1+i%4)
					time.Sleep(3 * time.Millisecond)
					p.release(s, n)
				}()
			}
			time.Sleep(time.Duration(i%11) * time.Millisecond)
			cancel()
			time.Sleep(10 * time.Millisecond) // virtual: all have given back
			synctest.Wait()
			if p.free != 4 || len(p.waiting) != 0 {
				t.Fatalf("round %d: %d places free of 4, %d waiting", i, p.free, len(p.waiting))
			}
		}
	})
}

// The queues of a number hold about a second of it together, however many they are,
// and get the same share of it.
func TestQueuesOfANumberShareItsAllowance(t *testing.T) {
	for _, tt := range []struct{ queues, most int }{{1, 80}, {2, 80}, {50, 80}, {50, 20}, {50, 2}, {3, 1000}} {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			a := new(allowance)
			queues, has, sent := make([]*intake, tt.queues), make([]int, tt.queues), make([]int, tt.queues)
			for i := range queues {
				queues[i] = &intake{room: a, freed: make(chan struct{}, 1)}
				a.works(queues[i], true)
			}
			fill := func() {
				for i, in := range queues {
					n := a.ask(in, has[i], tt.most)
					has[i] += n
					a.add(n)
				}
			}
			next := 0
			for range 100 * tt.queues {
				fill()
				if a.held > tt.most {
					t.Fatalf("%d are held, want at most %d", a.held, tt.most)
				}
				for has[next] == 0 {
					next = (next + 1) % tt.queues
				}
				has[next]--
				sent[next]++
				a.add(-1)
				next = (next + 1) % tt.queues
			}
			for i, n := range sent {
				if n < 97 || n > 103 {
					t.Errorf("queue %d had %d slots, want about 100: %v", i, n, sent)
				}
			}
		})
	}
}
