package whatsapp

// fields are those that the platform is known to send (fact sheet 5.6).
var fields = map[string]bool{
	FieldMessages:                         true,
	"user_preferences":                    true,
	"calls":                               true,
	"message_template_status_update":      true,
	"message_template_quality_update":     true,
	"message_template_components_update":  true,
	"template_category_update":            true,
	"template_correct_category_detection": true,
	"phone_number_quality_update":         true,
	"phone_number_name_update":            true,
	"business_capability_update":          true,
	"account_update":                      true,
	"account_alerts":                      true,
	"account_review_update":               true,
	"security":                            true,
}

// KnownField reports whether a webhook's field is one that the platform is known
// to send.
func KnownField(field string) bool { return fields[field] }
