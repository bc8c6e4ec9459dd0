package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// number looks at one number: whether it can send, its quality, its throughput.
func (x *examination) number(ctx context.Context, id, token string) {
	n, err := x.api.Number(ctx, id, token)
	switch {
	case errors.Is(err, &whatsapp.Error{Code: 100, Subcode: 33}):
		x.refused("number "+id, err, howNumber)
	case err != nil:
		x.refused("number "+id, err, "")
	default:
		x.canSend(id, n)
		x.quality(id, n.Quality)
		x.throughput(id, n.Throughput)
	}
}

// canSend goes by the number's status, and by its health where that is told.
func (x *examination) canSend(id string, n whatsapp.Number) {
	name, text := "number "+id, describe(n)
	words, advice := healthWords(n.Health)
	switch {
	case n.Health.CanSend == "BLOCKED":
		x.fail(name, text+"; it cannot send: "+words, advice)
	case n.Health.CanSend == "LIMITED":
		x.warn(name, text+"; it can send, with limits: "+words, advice)
	case n.Status != "" && n.Status != "CONNECTED":
		x.warn(name, text, "If sends are refused: register the number with the Cloud API, or look at it in WhatsApp Manager.")
	default:
		x.ok(name, "%s", text)
	}
}

// describe tells enough to recognise the number, and not the number itself.
func describe(n whatsapp.Number) string {
	parts := []string{n.VerifiedName}
	if len(n.Display) > 2 {
		parts = append(parts, "ends in "+n.Display[len(n.Display)-2:])
	}
	if n.Status != "" {
		parts = append(parts, strings.ToLower(n.Status))
	}
	if n.MessagingLimit != "" {
		parts = append(parts, "messaging limit "+n.MessagingLimit)
	}
	return strings.Join(parts, ", ")
}

// healthWords are the reasons of all parts that cannot send freely, and what the
// API advises.
func healthWords(h whatsapp.Health) (words, advice string) {
	var reasons, solutions []string
	for _, e := range h.Entities {
		if e.CanSend == "AVAILABLE" {
			continue
		}
		part := strings.ToLower(e.Type)
		for _, info := range e.Info {
			reasons = append(reasons, part+": "+info)
		}
		for _, wrong := range e.Errors {
			reasons = append(reasons, fmt.Sprintf("%s: %d %s", part, wrong.Code, wrong.Description))
			if wrong.Solution != "" {
				solutions = append(solutions, wrong.Solution)
			}
		}
	}
	if len(reasons) == 0 {
		reasons = []string{"no reason is given"}
	}
	if len(solutions) == 0 {
		solutions = []string{"WhatsApp Manager shows what is missing."}
	}
	return strings.Join(reasons, " "), strings.Join(solutions, " ")
}

func (x *examination) quality(id, rating string) {
	name := "quality " + id
	switch rating {
	case "RED":
		x.warn(name, "RED: many recipients block or report its messages; its limits may fall, its templates may be paused",
			"Send less marketing, and only to people who asked for it, until the rating recovers.")
	case "YELLOW":
		x.warn(name, "YELLOW: some recipients block or report its messages", "Look in WhatsApp Manager which templates are to blame.")
	case "", "UNKNOWN", "NA":
		x.ok(name, "not rated yet")
	default:
		x.ok(name, "%s", rating)
	}
}

// throughput tells what workers will go by, unless an operator has said otherwise.
func (x *examination) throughput(id string, t whatsapp.Throughput) {
	name, byDefault := "throughput "+id, x.cfg.DefaultMPS
	switch limit := t.MPS(); {
	case limit == 0:
		x.ok(name, "not told; the default of %d messages a second holds", byDefault)
	case mpsOf(t.Level, sender.Number{MPS: byDefault}) == 0:
		x.ok(name, "%s allows %d messages a second; the default of %d holds, which is less", t.Level, limit, byDefault)
	default:
		x.ok(name, "%s allows %d messages a second, which workers go by", t.Level, limit)
	}
}
