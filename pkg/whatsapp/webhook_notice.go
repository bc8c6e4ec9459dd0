package whatsapp

import "time"

// Notice is what the platform tells of a template, a number or an account, by a webhook
// of another field than messages (fact sheet 5.6). It is one of the types below. The
// words of the API in it are in upper case, and its texts are scrubbed.
type Notice interface{ notice() }

// TemplateRef names a template that a notice is about. Any of it may be empty.
type TemplateRef struct {
	ID   string
	Name string
	// Language is written as the API wants it, such as en_US.
	Language string
}

// The events of a [TemplateStatus].
const (
	TemplateApproved        = "APPROVED"
	TemplateRejected        = "REJECTED"
	TemplatePaused          = "PAUSED"
	TemplateUnpaused        = "UNPAUSED"
	TemplateDisabled        = "DISABLED"
	TemplateFlagged         = "FLAGGED"
	TemplateReinstated      = "REINSTATED"
	TemplatePending         = "PENDING"
	TemplateInAppeal        = "IN_APPEAL"
	TemplatePendingDeletion = "PENDING_DELETION"
	TemplateDeleted         = "DELETED"
	TemplateLimitExceeded   = "LIMIT_EXCEEDED"
	TemplateLocked          = "LOCKED"
	TemplateArchived        = "ARCHIVED"
)

// The titles of a [TemplateStatus] that say more than its event.
const (
	TitleFirstPause        = "FIRST_PAUSE"
	TitleSecondPause       = "SECOND_PAUSE"
	TitleRateLimitingPause = "RATE_LIMITING_PAUSE"
	TitleUnpause           = "UNPAUSE"
	TitleDisabled          = "DISABLED"
)

// TemplateStatus says that a template's status has changed.
type TemplateStatus struct {
	Template TemplateRef
	// Event is one of the above, or one that is not known here.
	Event string
	// Reason is why it was rejected and the like; empty for NONE.
	Reason string
	// Category is the template's.
	Category string
	// Title and Description say more of a pause.
	Title, Description string
	// Recommendation is what to do about a rejection.
	Recommendation string
	// DisabledAt is when it was or will be disabled.
	DisabledAt time.Time
}

// TemplateQuality says that a template's quality has changed: GREEN, YELLOW, RED or
// UNKNOWN.
type TemplateQuality struct {
	Template TemplateRef
	Was, Now string
}

// TemplateCategory says that a template has or will get another category, or that it
// has the wrong one.
type TemplateCategory struct {
	Template TemplateRef
	// Was is the category before, Now the one it has. Was is empty where nothing has
	// changed yet.
	Was, Now string
	// Correct is the one it should have, and will get.
	Correct string
	// At is when it gets it.
	At time.Time
}

// TemplateComponents says that a template's text or buttons were edited: whoever
// keeps its definition has to read it again.
type TemplateComponents struct{ Template TemplateRef }

// The events of a [NumberQuality].
const (
	NumberUpgraded   = "THROUGHPUT_UPGRADE"
	NumberOnboarding = "ONBOARDING"
	NumberFlagged    = "FLAGGED"
)

// NumberQuality says that a number's throughput or quality has changed.
type NumberQuality struct {
	// Display is the telephone number, as people write it: no id is told.
	Display string
	Event   string
	// Limit is the messaging limit of the portfolio.
	Limit MessagingLimit
}

// GoString hides the telephone number.
func (n NumberQuality) GoString() string { return n.Event + " of " + maskEnd(n.Display) }

// String hides the telephone number.
func (n NumberQuality) String() string { return n.GoString() }

// NumberName says what became of a number's new name.
type NumberName struct {
	Display          string
	Decision, Reason string
}

// GoString hides the telephone number.
func (n NumberName) GoString() string { return n.Decision + " of " + maskEnd(n.Display) }

// String hides the telephone number.
func (n NumberName) String() string { return n.GoString() }

// MessagingLimit is how many people a portfolio may begin to write to in 24 hours.
type MessagingLimit struct {
	// Recipients is the limit, 0 for unlimited; it means nothing unless Known.
	Recipients int
	// Known is false where no limit was told, or in a form we do not know.
	Known bool
}

// Capability says what the account may do now.
type Capability struct{ Limit MessagingLimit }

// The events of an [AccountUpdate] that a sender acts on.
const (
	AccountViolation   = "ACCOUNT_VIOLATION"
	AccountRestriction = "ACCOUNT_RESTRICTION"
	AccountBan         = "DISABLED_UPDATE"
	AccountDeleted     = "ACCOUNT_DELETED"
	AccountOffboarded  = "ACCOUNT_OFFBOARDED"
	AccountReconnected = "ACCOUNT_RECONNECTED"
)

// The states of a ban.
const (
	BanDisabled  = "DISABLE"
	BanLifted    = "REINSTATE"
	BanScheduled = "SCHEDULE_FOR_DISABLE"
)

// The restrictions that a sender acts on.
const (
	RestrictedMessaging = "RESTRICTED_BIZ_INITIATED_MESSAGING"
	RestrictedUtility   = "RESTRICTED_UTILITY_TEMPLATES"
)

// Restriction is one thing that an account may not do.
type Restriction struct {
	Type string
	// Until is when it ends; zero where that is not told.
	Until time.Time
}

// AccountUpdate says that something happened to an account.
type AccountUpdate struct {
	// Event is one of the above or another.
	Event string
	// Violation is the policy that was violated.
	Violation    string
	Restrictions []Restriction
	// Ban is the state of a ban, and BanDate its date, as the API writes it.
	Ban, BanDate string
	// Detail is what else is told, for people.
	Detail string
}

// Alert is something that the platform wants people to know.
type Alert struct {
	// Entity is the type of what it is about, and ID its id.
	Entity, ID             string
	Severity, Status, Type string
	Description            string
}

// Review says what came out of the account's review.
type Review struct{ Decision string }

// Security says that somebody changed or asked for something that protects a number.
type Security struct{ Event string }

func (TemplateStatus) notice()     {}
func (TemplateQuality) notice()    {}
func (TemplateCategory) notice()   {}
func (TemplateComponents) notice() {}
func (NumberQuality) notice()      {}
func (NumberName) notice()         {}
func (Capability) notice()         {}
func (AccountUpdate) notice()      {}
func (Alert) notice()              {}
func (Review) notice()             {}
func (Security) notice()           {}
