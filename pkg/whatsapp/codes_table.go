package whatsapp

// Remedies that several rows share.
const (
	newToken       = "Create a new system user token and replace the access token."
	grantAccess    = "Give the system user the permission whatsapp_business_messaging and assign it the account and the app."
	registerNumber = "Register the phone number with the Cloud API, then resume the number."
	slowDown       = "Nothing to do: sending slows down by itself. If it comes back often, lower the sender's rate."
	tryLater       = "Nothing to do: it is tried again by itself. If it lasts, look at Meta's status page."
	fixRow         = "Correct this recipient's values and publish the job again."
	fixTemplate    = "Compare the parameters with the approved template, correct them, then resume the template."
	dropRecipient  = "Leave this recipient out, or use another channel."
	useMarketing   = "Send this template through the Marketing Messages API, or use another template."
	notASend       = "This code does not belong to a template send: check that the API URL and the request are right."
	fixParameter   = "Correct the parameter that the details name."
)

// table holds every code of the fact sheet's section 2.4, in its order. The class
// follows its action column: RETRY and SLOW became transient and throttled, DROP
// and SUPPRESS the recipient, TEMPLATE, NUMBER and WABA what they name, and CONFIG
// the smallest scope that is wrong for certain.
var table = []Code{
	// Authorisation and account.
	{0, 0, ClassRefusedAccount, "the app user cannot be authenticated: token expired or revoked", newToken},
	{3, 0, ClassRefusedAccount, "the app lacks a capability or permission", grantAccess},
	{10, 0, ClassRefusedAccount, "permission denied or removed", grantAccess},
	{104, 0, ClassRefusedAccount, "the access token is missing or badly signed", "Configure the account's access token."},
	{190, 0, ClassRefusedAccount, "the access token is invalid", newToken},
	{190, 463, ClassRefusedAccount, "the access token has expired", newToken},
	{200, 0, ClassRefusedAccount, "a permission is not granted or was removed", grantAccess},
	{131005, 0, ClassRefusedAccount, "access denied", grantAccess},
	{100, 33, ClassRefusedNumber, "the phone number id is unknown or not visible to the token", "Check the phone number id (not the telephone number) and that the token's system user may use it."},
	{33, 0, ClassRefusedNumber, "the business phone number has been deleted", "Use another sender number."},
	{368, 0, ClassRefusedAccount, "the account is restricted for violating a policy", "Open the account's quality page, see until when the restriction lasts, and appeal if it is wrong."},
	{130497, 0, ClassRefusedRecipient, "the account may not message users of this country", "Leave this country out, or have the restriction of the account lifted."},
	{131031, 0, ClassRefusedAccount, "the account is locked", "Ask for the account's health status: it says why; solve it in WhatsApp Manager, then resume the account."},
	{131037, 0, ClassRefusedNumber, "the number has no approved display name", "Have the number's display name approved, then resume the number."},
	{131042, 0, ClassRefusedAccount, "there is a problem with the account's payment method", "Correct the payment method, time zone and currency in the billing settings, then resume the account."},
	{131044, 0, ClassRefusedAccount, "there is a problem with the account's payment method for calls", "Correct the payment method in the billing settings."},
	{131045, 0, ClassRefusedNumber, "the phone number is not registered properly (incorrect certificate)", registerNumber},
	{131057, 0, ClassUnavailableNumber, "the number is in maintenance, such as a throughput upgrade", "Nothing to do: the number goes on by itself, usually within a minute."},
	// The registration family answers /register, not a send. A send that met one
	// would have a number that is not ready.
	{133000, 0, ClassRefusedNumber, "an earlier deregistration is incomplete", "Deregister the number again, then register it."},
	{133004, 0, ClassTransient, "the registration server is down", tryLater},
	{133005, 0, ClassRefusedNumber, "the two-step verification PIN is wrong", "Register the number with the right PIN, or reset the PIN."},
	{133006, 0, ClassRefusedNumber, "the phone number is not verified", "Verify the phone number by SMS or call, then register it."},
	{133008, 0, ClassRefusedNumber, "the PIN was guessed too often", "Wait as long as the details say, then register with the right PIN."},
	{133009, 0, ClassRefusedNumber, "the PIN was entered too fast", "Wait as long as the details say, then register again."},
	{133010, 0, ClassRefusedNumber, "the phone number is not registered", registerNumber},
	{133015, 0, ClassRefusedNumber, "the phone number was deleted a moment ago", "Wait five minutes, then register the number again."},
	{133016, 0, ClassRefusedNumber, "the number was registered or deregistered too often", "Wait 72 hours, then register the number once."},
	{134011, 0, ClassRefusedAccount, "the terms of WhatsApp Payments are not accepted", "Accept the terms of WhatsApp Payments in WhatsApp Manager."},
	{131060, 0, ClassRefusedMessage, "the message is unavailable", "Nothing to do; publish the job again if it still matters."},

	// Throttling.
	{4, 0, ClassThrottledApp, "the app reached its call limit", slowDown},
	{80007, 0, ClassThrottledAccount, "the account reached its rate limit", slowDown},
	{80008, 0, ClassThrottledAccount, "the account had too many management calls", "Ask for templates and numbers less often."},
	{130429, 0, ClassThrottledNumber, "the number's message throughput is exceeded", slowDown},
	{131056, 0, ClassThrottledPair, "this number wrote to this recipient too often", "Nothing to do: this recipient waits, others go on."},
	// Not a rate: a slower number stays restricted until its quality is better.
	{131048, 0, ClassRefusedNumber, "the number is restricted because too many messages were blocked or reported", "Check the number's quality in WhatsApp Manager before you resume the number."},
	{131064, 0, ClassRefusedTemplate, "messaging limit reached because a template has the wrong category", "Correct the template's category; the limit ends by itself after the enforcement period."},

	// Recipient.
	{131026, 0, ClassRefusedRecipient, "undeliverable: not on WhatsApp, an old client, or terms not accepted", dropRecipient},
	{131049, 0, ClassRefusedRecipient, "WhatsApp chose not to deliver: the recipient gets too much marketing", "Wait at least 24 hours before you write to this recipient again."},
	{131050, 0, ClassRefusedRecipient, "the recipient stopped marketing from this business", "Add the recipient to the suppression list."},
	{130472, 0, ClassRefusedRecipient, "the recipient is part of an experiment and gets no marketing", dropRecipient},
	{130403, 0, ClassRefusedRecipient, "you have blocked this recipient", "Unblock the recipient if messages are wanted."},
	{131047, 0, ClassRefusedRecipient, "more than 24 hours since the recipient's last message, and no template", "Send a template."},
	{131021, 0, ClassRefusedRecipient, "sender and recipient are the same number", "Take the sender's own number off the list."},
	{131030, 0, ClassRefusedRecipient, "the recipient is not in the test number's allow-list", "Add the recipient to the test number's allow-list, or send from a production number."},
	{131062, 0, ClassRefusedRecipient, "this kind of message cannot go to a business-scoped user id", "Use the recipient's telephone number."},
	{137000, 0, ClassRefusedRecipient, "the recipient's identity changed", "Verify the customer elsewhere before you write again."},
	{131051, 0, ClassRefusedMessage, "the message type is not supported", notASend},
	{131043, 0, ClassRefusedMessage, "the message expired before it could be delivered", "Publish the job again if it still matters."},

	// Template.
	{132000, 0, ClassRefusedTemplate, "the number of parameters differs from the template", fixTemplate},
	{132001, 0, ClassRefusedTemplate, "no approved template has this name and language", "Check the name and the exact language code; after an edit wait for the approval. Then resume the template."},
	{132005, 0, ClassRefusedMessage, "the text with this recipient's values is too long", "Shorten this recipient's values and publish the job again."},
	{132007, 0, ClassRefusedTemplate, "the template's content violates a policy", "Correct the template's content and have it approved again."},
	{132008, 0, ClassRefusedMessage, "a parameter's value is invalid", fixRow},
	{132012, 0, ClassRefusedTemplate, "a parameter's format differs from the template", fixTemplate},
	{132015, 0, ClassRefusedTemplate, "the template is paused", "Improve the template or who gets it; it resumes by itself after a quality pause, and must be unpaused by hand after pacing."},
	{132016, 0, ClassRefusedTemplate, "the template is disabled for good", "Create a new template with other content."},
	{132018, 0, ClassRefusedMessage, "a parameter has a new line, a tab or too many spaces, or the template cannot be sent so", "Take new lines, tabs and runs of spaces out of this recipient's values."},
	{132021, 0, ClassRefusedTemplate, "the template name exists already (Direct Send)", "Use another template name."},
	{132068, 0, ClassRefusedTemplate, "the template's flow is blocked", "Repair the flow, then resume the template."},
	{132069, 0, ClassUnavailableTemplate, "the template's flow is throttled to 10 messages an hour", "Repair the flow; until then only a few messages go out."},
	{131008, 0, ClassRefusedMessage, "a required parameter is missing", "Give every variable of the template a value that is not empty."},
	{131009, 0, ClassRefusedMessage, "a parameter's value is invalid", fixRow},
	// A link is the recipient's own as often as the campaign's, so one bad file
	// refuses one message.
	{131053, 0, ClassRefusedMessage, "the media could not be fetched", "Upload the file once and send its media id."},
	{131052, 0, ClassRefusedMessage, "media that a user sent could not be downloaded", notASend},
	{131061, 0, ClassRefusedTemplate, "a template with a maximum price needs the Marketing Messages API", useMarketing},
	{131063, 0, ClassRefusedTemplate, "the account has marketing disabled on the Cloud API", useMarketing},
	{131055, 0, ClassRefusedTemplate, "the Marketing Messages API takes marketing templates only", "Send this template through the ordinary messages endpoint."},
	{134100, 0, ClassRefusedTemplate, "the Marketing Messages API takes marketing templates only", "Send this template through the ordinary messages endpoint."},
	{134101, 0, ClassUnavailableTemplate, "the template is still syncing", "Nothing to do: it is ready within about ten minutes."},
	{134102, 0, ClassRefusedTemplate, "the template is unavailable to the Marketing Messages API", "Check the account's marketing_messages_lite_api_status."},
	{139200, 0, ClassRefusedTemplate, "Direct Send is blocked because of a wrong category", "Correct the message's category, or send an approved template."},
	{codeParameter, 0, ClassRefusedMessage, "a parameter is unknown, misspelled or too long", fixParameter},
	{135000, 0, ClassRefusedMessage, "unknown error with the message's parameters", "Compare the message with the approved template before you publish it again."},
	{2046, 0, ClassRefusedMessage, "this order status cannot follow the last one", "Check the order's status."},
	{2047, 0, ClassRefusedMessage, "a paid order cannot be cancelled", "Check the order's status."},

	// Platform.
	{1, 0, ClassTransient, "unknown API error", tryLater},
	{2, 0, ClassTransient, "the API is down or overloaded for a moment", tryLater},
	{131000, 0, ClassTransient, "something went wrong in the API", tryLater},
	{131016, 0, ClassTransient, "a service of the API is unavailable", tryLater},

	// Never met by a template send, for completeness.
	{131059, 0, ClassRefusedMessage, "a paging cursor is invalid", "List again from the first page."},
	{131020, 0, ClassRefusedMessage, "an error of the groups API", notASend},
	{131041, 0, ClassRefusedMessage, "an error of the groups API", notASend},
	// Graph's general call limit, under the number that the calling API uses for it.
	{613, 0, ClassThrottledApp, "calls exceed the API's rate limit (calling)", slowDown},
	{135002, 0, ClassRefusedMessage, "an error of the block list", notASend},
	{1752041, 0, ClassRefusedMessage, "onboarding to the Marketing Messages API was requested already", "Wait for the onboarding to end."},
	{2593079, 0, ClassRefusedAccount, "sync or on-behalf-of set-up of the account failed", notASend},
	{2593085, 0, ClassRefusedAccount, "sync or on-behalf-of set-up of the account failed", notASend},
	{2593107, 0, ClassRefusedAccount, "sync or on-behalf-of set-up of the account failed", notASend},
	{2593108, 0, ClassRefusedAccount, "sync or on-behalf-of set-up of the account failed", notASend},
	{2388001, 0, ClassRefusedNumber, "registration or migration of the number failed", notASend},
	{2388012, 0, ClassRefusedNumber, "registration or migration of the number failed", notASend},
	{2388091, 0, ClassRefusedNumber, "migration of the number failed", notASend},
	{2388093, 0, ClassRefusedNumber, "migration of the number failed", notASend},
	{2388103, 0, ClassRefusedNumber, "migration of the number failed", notASend},
	{2388019, 0, ClassRefusedTemplate, "the account has as many templates as it may", "Delete templates that are no longer used."},
	{2388039, 0, ClassRefusedTemplate, "the template's status cannot be changed", "Look at the template in WhatsApp Manager."},
	{2388040, 0, ClassRefusedTemplate, "a part of the template is too long", "Shorten the template."},
	{2388047, 0, ClassRefusedTemplate, "the template's header has a wrong format", "Correct the template's header."},
	{2388072, 0, ClassRefusedTemplate, "the template's body has a wrong format", "Correct the template's body."},
	{2388073, 0, ClassRefusedTemplate, "the template's footer has a wrong format", "Correct the template's footer."},
	{2388293, 0, ClassRefusedTemplate, "the template has too many variables for its length", "Add text or take variables out."},
	{2388299, 0, ClassRefusedTemplate, "the template begins or ends with a variable", "Put text before the first and after the last variable."},
	{2494100, 0, ClassUnavailableNumber, "the number is in maintenance", "Nothing to do: the number goes on by itself after a few minutes."},
}

// ranges holds what the documents give as a range. A row of the table goes first.
var ranges = []Range{
	{200, 299, Code{Class: ClassRefusedAccount, Meaning: "a permission is not granted or was removed", Remedy: grantAccess}},
	{131201, 131215, Code{Class: ClassRefusedMessage, Meaning: "an error of the groups API", Remedy: notASend}},
	{138000, 138999, Code{Class: ClassRefusedMessage, Meaning: "an error of the calling API", Remedy: notASend}},
	{147001, 147005, Code{Class: ClassRefusedMessage, Meaning: "an error of the usernames API", Remedy: notASend}},
	{200005, 200007, Code{Class: ClassRefusedMessage, Meaning: "an error of template insights", Remedy: notASend}},
	{2388000, 2388999, Code{Class: ClassRefusedTemplate, Meaning: "the template cannot be made like this", Remedy: "Correct the template as the details say."}},
}
