package job

// Reason says why a job ended as it did, or why it waits. The list is closed: it
// is the same word in events, dead letters, logs and metrics.
type Reason string

// Reasons of refusals that wacast itself makes.
const (
	// ReasonInvalidJob: the job cannot be decoded or breaks a rule of the contract.
	ReasonInvalidJob Reason = "invalid_job"
	// ReasonSubjectMismatch: subject and body name different queues.
	ReasonSubjectMismatch Reason = "subject_mismatch"
	// ReasonConflict: the same campaign and id came before with another body.
	ReasonConflict Reason = "conflict"
	// ReasonUnknownSender: the job's number belongs to no account of this wacast.
	ReasonUnknownSender Reason = "unknown_sender"
	// ReasonUnknownTemplate: no definition has this name and language.
	ReasonUnknownTemplate Reason = "unknown_template"
	// ReasonTemplateNotApproved: the definition's status does not allow sending.
	ReasonTemplateNotApproved Reason = "template_not_approved"
	// ReasonBadParameters: the parameters do not fit the template.
	ReasonBadParameters Reason = "bad_parameters"
	// ReasonExpired: expires_at passed before the job could be sent.
	ReasonExpired Reason = "expired"
	// ReasonAlreadySettled: this campaign and id already has an outcome.
	ReasonAlreadySettled Reason = "already_settled"
	// ReasonCancelled: an operator cancelled the campaign or the job.
	ReasonCancelled Reason = "cancelled"
	// ReasonOptedOut: the recipient does not want such messages.
	ReasonOptedOut Reason = "opted_out"
	// ReasonAttempts: every allowed attempt was refused.
	ReasonAttempts Reason = "attempts_exhausted"
)

// Reasons of what the API answered.
const (
	// ReasonRefused: the API refused this message.
	ReasonRefused Reason = "refused"
	// ReasonRecipient: the API cannot or will not deliver to this recipient.
	ReasonRecipient Reason = "recipient_refused"
	// ReasonTemplate: the API refused the template, not just this message.
	ReasonTemplate Reason = "template_refused"
	// ReasonNumber: the API refused the sender number.
	ReasonNumber Reason = "number_refused"
	// ReasonAccount: the API refused the account or its token.
	ReasonAccount Reason = "account_refused"
	// ReasonThrottled: the API asked to slow down.
	ReasonThrottled Reason = "throttled"
	// ReasonTransient: the API had a passing fault.
	ReasonTransient Reason = "transient"
	// ReasonNotSent: the request never left this machine.
	ReasonNotSent Reason = "not_sent"
)

// Reasons why an outcome is unknown.
const (
	// ReasonTimeout: no answer came in time.
	ReasonTimeout Reason = "timeout"
	// ReasonConnectionLost: the connection broke after the request was written.
	ReasonConnectionLost Reason = "connection_lost"
	// ReasonBadAnswer: an answer came that is no Cloud API answer.
	ReasonBadAnswer Reason = "bad_answer"
	// ReasonOwnerLost: the worker that claimed the job recorded no outcome.
	ReasonOwnerLost Reason = "owner_lost"
)

// Reasons of what comes later.
const (
	// ReasonWebhook: a status webhook shows that the API took the message.
	ReasonWebhook Reason = "webhook"
	// ReasonDelivery: the API took the message and could not deliver it.
	ReasonDelivery Reason = "delivery_failed"
	// ReasonHeld: the API took the message and keeps it until the template's quality is
	// known.
	ReasonHeld Reason = "held_for_quality"
	// ReasonReplayed: a person had the job tried once more.
	ReasonReplayed Reason = "replayed"
)

// Reasons why something is stopped that nothing refused.
const (
	// ReasonPaused: an operator said so.
	ReasonPaused Reason = "paused"
	// ReasonAPIFailing: so many answers were ambiguous or faults that the number
	// waits for a clear one.
	ReasonAPIFailing Reason = "api_failing"
)

// Reasons why jobs wait that nothing stops.
const (
	// ReasonPortfolioLimit: the business portfolio has written to as many people in 24
	// hours as it may.
	ReasonPortfolioLimit Reason = "portfolio_limit"
	// ReasonDailyLimit: the number or the campaign has sent as much in 24 hours as an
	// operator lets it.
	ReasonDailyLimit Reason = "daily_limit"
	// ReasonSpread: the campaign is spread over a period.
	ReasonSpread Reason = "spread"
)

// Reasons why a recipient gets no such message now.
const (
	// ReasonMarketingHold: the platform held marketing to the recipient back less than
	// 24 hours ago.
	ReasonMarketingHold Reason = "marketing_hold"
	// ReasonNotInUS: the platform delivers no marketing to numbers of the United States.
	ReasonNotInUS Reason = "marketing_us"
	// ReasonBadNumber: messages to this number failed again and again.
	ReasonBadNumber Reason = "bad_number"
	// ReasonFrequencyCap: the recipient got as many messages as one may in that time.
	ReasonFrequencyCap Reason = "frequency_cap"
	// ReasonWindowOpen: the campaign leaves out whose customer service window is open.
	ReasonWindowOpen Reason = "window_open"
	// ReasonWindowClosed: the campaign takes only those whose customer service window is
	// open.
	ReasonWindowClosed Reason = "window_closed"
	// ReasonErased: the person was forgotten.
	ReasonErased Reason = "erased"
)

// Reasons of stops that the platform told by webhook, and of their ends.
const (
	// ReasonTemplateStatus: the template was paused, rejected, disabled or deleted.
	ReasonTemplateStatus Reason = "template_status"
	// ReasonRestricted: the account was restricted for a violation of a policy.
	ReasonRestricted Reason = "account_restricted"
	// ReasonBanned: the account was disabled.
	ReasonBanned Reason = "account_banned"
	// ReasonQuality: the quality of a number or template has fallen.
	ReasonQuality Reason = "quality"
	// ReasonMisclassified: templates of a category were used for another.
	ReasonMisclassified Reason = "misclassified"
)

// Reasons lists every reason, for metrics that exist before the first event.
func Reasons() []Reason {
	return []Reason{
		ReasonInvalidJob, ReasonSubjectMismatch, ReasonConflict, ReasonUnknownSender, ReasonUnknownTemplate,
		ReasonTemplateNotApproved, ReasonBadParameters, ReasonExpired, ReasonAlreadySettled, ReasonCancelled,
		ReasonOptedOut, ReasonAttempts,
		ReasonRefused, ReasonRecipient, ReasonTemplate, ReasonNumber, ReasonAccount, ReasonThrottled,
		ReasonTransient, ReasonNotSent,
		ReasonTimeout, ReasonConnectionLost, ReasonBadAnswer, ReasonOwnerLost,
		ReasonWebhook, ReasonDelivery, ReasonHeld, ReasonReplayed, ReasonPaused, ReasonAPIFailing,
		ReasonPortfolioLimit, ReasonDailyLimit, ReasonSpread,
		ReasonMarketingHold, ReasonNotInUS, ReasonBadNumber, ReasonFrequencyCap, ReasonWindowOpen, ReasonWindowClosed, ReasonErased,
		ReasonTemplateStatus, ReasonRestricted, ReasonBanned, ReasonQuality, ReasonMisclassified,
	}
}
