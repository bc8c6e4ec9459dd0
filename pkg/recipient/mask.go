package recipient

import (
	"strings"

	"github.com/wacast/wacast/pkg/job"
)

// maskNumber hides the middle of a number or wa_id.
func maskNumber(number string) string {
	return job.Phone("+" + strings.TrimPrefix(number, "+")).String()
}

// maskUser keeps the country and the end of a business-scoped user id.
func maskUser(userID string) string {
	const tail = 4
	country, id, found := strings.Cut(userID, ".")
	if !found || len(id) <= 2*tail {
		return "…"
	}
	return country + ".…" + id[len(id)-tail:]
}
