package policy

import "time"

// Effect is what a code, in an answer or in a status failed, says of the recipient
// beyond the message.
type Effect uint8

// The effects of [OnRecipient].
const (
	// EffectNone: nothing.
	EffectNone Effect = iota
	// EffectOptOut: the person does not want marketing from this business.
	EffectOptOut
	// EffectHold: the person gets no marketing for [MarketingHold].
	EffectHold
	// EffectUndeliverable: the message cannot reach the person, or not now.
	EffectUndeliverable
)

// String is the word for logs and metric labels.
func (e Effect) String() string {
	switch e {
	case EffectNone:
		return "none"
	case EffectOptOut:
		return "opt_out"
	case EffectHold:
		return "hold"
	case EffectUndeliverable:
		return "undeliverable"
	}
	return "invalid"
}

// MarketingHold is how long marketing to a person waits after a refusal: trying again
// sooner makes it longer (Cloud API fact sheet 3.5).
const MarketingHold = 24 * time.Hour

// OnRecipient is the table of what codes say of the recipient (Cloud API fact sheet
// 2.4).
func OnRecipient(code int) Effect {
	switch code {
	case 131050:
		return EffectOptOut
	case 131049:
		return EffectHold
	case 131026:
		return EffectUndeliverable
	}
	return EffectNone
}
