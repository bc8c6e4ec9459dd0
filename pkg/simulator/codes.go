package simulator

// entry is what Meta's error page says of a code: HTTP status, title, and the
// details text where one is documented. bare titles come without "(#code)".
type entry struct {
	status    int
	title     string
	details   string
	bare      bool
	transient bool
}

// catalogue holds the codes that a send can be refused with. It is only read.
var catalogue = map[int]entry{
	0:      {status: 401, title: "Error validating access token: the session has been invalidated.", bare: true},
	1:      {status: 400, title: "An unknown error has occurred.", bare: true},
	2:      {status: 503, title: "An unexpected error has occurred. Please retry your request later.", bare: true, transient: true},
	3:      {status: 500, title: "Application does not have the capability to make this API call."},
	4:      {status: 400, title: "Application request limit reached", transient: true},
	10:     {status: 403, title: "Application does not have permission for this action"},
	33:     {status: 400, title: "The business phone number has been deleted."},
	100:    {status: 400, title: "Invalid parameter"},
	104:    {status: 401, title: "An access token is required to request this resource.", bare: true},
	190:    {status: 401, title: "Invalid OAuth access token - Cannot parse access token", bare: true},
	200:    {status: 403, title: "You do not have permission to access this resource."},
	368:    {status: 403, title: "Temporarily blocked for policies violations", details: "The WhatsApp Business Account associated with the app has been restricted or disabled for violating a platform policy."},
	2500:   {status: 400, title: "Unknown path components", bare: true},
	80007:  {status: 400, title: "Rate limit issues", details: "The WhatsApp Business Account has reached its rate limit."},
	80008:  {status: 400, title: "There have been too many calls to this WhatsApp Business account. Wait a bit and try again."},
	130403: {status: 400, title: "Message blocked", details: "The business has blocked this user."},
	130429: {status: 400, title: "Rate limit hit", details: "Cloud API message throughput has been reached."},
	130472: {status: 400, title: "User's number is part of an experiment", details: "Message was not sent as part of an experiment."},
	130497: {status: 403, title: "Business account is restricted from messaging users in this country.", details: "The WhatsApp Business Account is restricted from messaging to users in certain countries."},
	131000: {status: 500, title: "Something went wrong", details: "Message failed to send due to an unknown error."},
	131005: {status: 403, title: "Access denied", details: "Permission is either not granted or has been removed."},
	131008: {status: 400, title: "Required parameter is missing", details: "The request is missing a required parameter."},
	131009: {status: 400, title: "Parameter value is not valid", details: "One or more parameter values are invalid."},
	131016: {status: 500, title: "Service unavailable", details: "A service is temporarily unavailable."},
	131021: {status: 400, title: "Recipient cannot be sender", details: "Sender and recipient phone number is the same."},
	131026: {status: 400, title: "Message undeliverable", details: "Message Undeliverable."},
	131030: {status: 400, title: "Recipient phone number not in allowed list", details: "Recipient phone number not in allowed list: Add recipient phone number to recipient list and try again."},
	131031: {status: 403, title: "Business Account locked", details: "The WhatsApp Business Account associated with the app has been restricted or disabled for violating a platform policy, or we were unable to verify data included in the request against data set on the WhatsApp Business Account."},
	131037: {status: 400, title: "WhatsApp provided number needs display name approval before message can be sent.", details: "The 555 business phone number used to send the request does not have an approved display name."},
	131042: {status: 400, title: "Business eligibility payment issue", details: "There was an error related to your payment method."},
	131045: {status: 500, title: "Incorrect certificate", details: "Message failed to send due to a phone number registration error."},
	131047: {status: 400, title: "Re-engagement message", details: "More than 24 hours have passed since the recipient last replied to the sender number."},
	131048: {status: 400, title: "Spam rate limit hit", details: "Message failed to send because there are restrictions on how many messages can be sent from this phone number. This may be because too many previous messages were blocked or flagged as spam."},
	131049: {status: 400, title: "Meta chose not to deliver.", details: "This message was not delivered to maintain healthy ecosystem engagement."},
	131050: {status: 400, title: "User has stopped marketing messages from this business", details: "The recipient has chosen to stop receiving marketing messages on WhatsApp from your business."},
	131051: {status: 400, title: "Unsupported message type", details: "Message type is not currently supported."},
	131053: {status: 400, title: "Media upload error", details: "Unable to upload the media used in the message."},
	131056: {status: 400, title: "(Business Account, Consumer Account) pair rate limit hit", details: "Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time."},
	131057: {status: 500, title: "Account in maintenance mode", details: "Business Account is in maintenance mode"},
	131059: {status: 400, title: "Invalid cursor", details: "The paging cursor is not valid any more. List again without it."},
	131061: {status: 400, title: "Template requires the Marketing Messages API"},
	131062: {status: 400, title: "Business-scoped user id recipients are not supported for this message", details: "Authentication templates cannot be sent to a business-scoped user id."},
	131063: {status: 400, title: "Marketing messages are disabled on Cloud API for this account"},
	131064: {status: 400, title: "Messaging limit reached because of template misclassification"},
	132000: {status: 400, title: "Number of parameters does not match the expected number of params"},
	132001: {status: 404, title: "Template name does not exist in the translation"},
	132005: {status: 400, title: "Translated text too long"},
	132007: {status: 400, title: "Template format character policy violated", details: "Template content violates a WhatsApp policy."},
	132008: {status: 400, title: "Parameter value is not valid"},
	132012: {status: 400, title: "Parameter format does not match format in the created template"},
	132015: {status: 400, title: "Template is paused", details: "Template is paused due to low quality so it cannot be sent in a template message."},
	132016: {status: 400, title: "Template is disabled", details: "Template has been paused too many times due to low quality and is now permanently disabled."},
	132018: {status: 400, title: "Template validation error", details: "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"},
	132068: {status: 400, title: "Flow is blocked", details: "Flow is in blocked state."},
	132069: {status: 400, title: "Flow is throttled", details: "Flow is in throttled state and 10 messages using this flow were already sent in the last hour."},
	133010: {status: 400, title: "Phone number not registered"},
	134100: {status: 400, title: "Only marketing messages supported", details: "Only marketing templates can be sent with the Marketing Messages API."},
	134101: {status: 400, title: "Your template is still syncing", details: "When you send a message from a template, the template syncing process can take up to 10 minutes to complete. Wait a few minutes, and then try sending your message again."},
	134102: {status: 500, title: "Template is unavailable for use", details: "The template or the business is not available on the Marketing Messages API."},
	135000: {status: 400, title: "Generic user error", details: "Message failed to send because of an unknown error with your request parameters."},
}

// throttling reports whether the platform's status for a code is a matter of
// dispute between 400 and 429.
func throttling(code int) bool {
	switch code {
	case 4, 80007, 130429, 131048, 131056:
		return true
	}
	return false
}
