package whatsapp

// Class says what became of one send. The set is closed: it is the key of the
// policy table and the value of a metric label.
type Class uint8

// The classes. The zero Class is none of them, so that a forgotten value is never
// mistaken for success.
const (
	// ClassAccepted: the API took the message and gave it an id.
	ClassAccepted Class = iota + 1
	// ClassRefusedMessage: something in this one message is wrong.
	ClassRefusedMessage
	// ClassRefusedRecipient: this recipient cannot or must not be written to.
	ClassRefusedRecipient
	// ClassRefusedTemplate: every message with this template will be refused.
	ClassRefusedTemplate
	// ClassRefusedNumber: every message of this sender number will be refused.
	ClassRefusedNumber
	// ClassRefusedAccount: every message of this account will be refused: token,
	// permission, payment, restriction.
	ClassRefusedAccount
	// ClassThrottledNumber: the number sends faster than its throughput.
	ClassThrottledNumber
	// ClassThrottledPair: this number wrote to this recipient too often.
	ClassThrottledPair
	// ClassThrottledAccount: the account reached its call limit.
	ClassThrottledAccount
	// ClassThrottledApp: the app reached its call limit.
	ClassThrottledApp
	// ClassUnavailableNumber: the number is in maintenance, for about a minute.
	ClassUnavailableNumber
	// ClassUnavailableTemplate: the template cannot be sent for some minutes.
	ClassUnavailableTemplate
	// ClassTransient: the API refused with a passing fault of its own.
	ClassTransient
	// ClassNotSent: the message never left this machine as a whole.
	ClassNotSent
	// ClassAmbiguous: the API may have taken the message; nobody can say yet.
	ClassAmbiguous
)

// Classes lists every class, for metrics that exist before the first send.
func Classes() []Class {
	list := make([]Class, 0, ClassAmbiguous)
	for c := ClassAccepted; c <= ClassAmbiguous; c++ {
		list = append(list, c)
	}
	return list
}

// String is the class as it stands in metric labels, logs and reports.
func (c Class) String() string {
	switch c {
	case ClassAccepted:
		return "accepted"
	case ClassRefusedMessage:
		return "refused_message"
	case ClassRefusedRecipient:
		return "refused_recipient"
	case ClassRefusedTemplate:
		return "refused_template"
	case ClassRefusedNumber:
		return "refused_number"
	case ClassRefusedAccount:
		return "refused_account"
	case ClassThrottledNumber:
		return "throttled_number"
	case ClassThrottledPair:
		return "throttled_pair"
	case ClassThrottledAccount:
		return "throttled_account"
	case ClassThrottledApp:
		return "throttled_app"
	case ClassUnavailableNumber:
		return "unavailable_number"
	case ClassUnavailableTemplate:
		return "unavailable_template"
	case ClassTransient:
		return "transient"
	case ClassNotSent:
		return "not_sent"
	case ClassAmbiguous:
		return "ambiguous"
	}
	return "invalid"
}
