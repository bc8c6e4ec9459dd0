package job

import (
	"strconv"
	"strings"
)

// Token names one attempt at one job. It travels in biz_opaque_callback_data
// (at most 512 characters, Cloud API fact sheet 1.2) and comes back in every
// status of the message, whatever became of the HTTP answer.
type Token struct {
	// Namespace keeps two wacasts on one WhatsApp account apart. It has no slash.
	Namespace string
	// Key is the job's.
	Key Key
	// Attempt counts from 1.
	Attempt int
}

// String is namespace/1/attempt/campaign/id: at most 220 characters more than the
// namespace has. The 1 is the version of this form.
func (t Token) String() string {
	return t.Namespace + "/1/" + strconv.Itoa(t.Attempt) + "/" + t.Key.String()
}

// ParseToken reads what [Token.String] wrote. It reports false for the callback
// data of any other system, which is no error.
func ParseToken(s string) (Token, bool) {
	parts := strings.Split(s, "/")
	if len(parts) != 5 || parts[1] != "1" {
		return Token{}, false
	}
	attempt, err := strconv.Atoi(parts[2])
	if err != nil || attempt < 1 || strconv.Itoa(attempt) != parts[2] {
		return Token{}, false
	}
	key, ok := readKey(parts[3], parts[4])
	if !ok {
		return Token{}, false
	}
	return Token{Namespace: parts[0], Key: key, Attempt: attempt}, true
}

// readKey reads what [Key.String] wrote, cut at its slash. A campaign that is not
// there is no campaign's name.
func readKey(campaign, id string) (Key, bool) {
	if campaign == "" {
		return Key{}, false
	}
	k := Key{Campaign: campaign, ID: id}
	if campaign == NoCampaign {
		k.Campaign = ""
	}
	return k, k.valid()
}

func (k Key) valid() bool {
	return (k.Campaign == "" || ValidCampaign(k.Campaign)) && validID(k.ID)
}
