package recipient_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/nyaruka/phonenumbers"

	"github.com/wacast/wacast/pkg/recipient"
)

func TestKeywords(t *testing.T) {
	t.Parallel()
	words := recipient.NewKeywords(nil, nil)
	for text, want := range map[string][2]bool{
		"STOP": {true, false}, "stop": {true, false}, " Stop! ": {true, false}, "«stop»": {true, false}, "STOP 🙏": {true, false},
		"stop\u200b": {true, false}, "ｓｔｏｐ": {true, false}, "Opt-out": {true, false}, "opt  out.": {true, false},
		"BAJA": {true, false}, "Cancelar suscripcion": {true, false}, "CANCELAR SUSCRIPCIÓN": {true, false}, "arret": {true, false},
		"Стоп": {true, false}, "退订": {true, false}, "إيقاف": {true, false},
		"start": {false, true}, "ALTA": {false, true}, "m’abonner": {false, true},
		"": {}, "!!!": {}, "please stop": {}, "stop it": {}, "don't stop": {}, "bajar": {}, "stops": {}, "STOPPED": {},
		"ok": {}, "cancelar": {}, "s top": {}, strings.Repeat("stop ", 100): {},
	} {
		out, in := words.Match(text)
		if got := [2]bool{out, in}; got != want {
			t.Errorf("Match(%q) = %v, want %v", text, got, want)
		}
	}
	both := recipient.NewKeywords(map[string][]string{"en": {"yes"}}, map[string][]string{"en": {"Yes"}})
	if out, in := both.Match("YES"); !out || in {
		t.Errorf("a word of both lists = %v, %v", out, in)
	}
}

func TestParseWords(t *testing.T) {
	t.Parallel()
	known := map[string][]string{"en": {"stop"}}
	for text, want := range map[string]map[string][]string{
		"":                            known,
		"es: baja, parar; en: enough": {"es": {"baja", "parar"}, "en": {"enough"}},
		"basta":                       {"": {"basta"}},
		"+ en: enough; pt_BR: chega":  {"en": {"stop", "enough"}, "pt_BR": {"chega"}},
	} {
		got, err := recipient.ParseWords(text, known)
		if err != nil || !cmp.Equal(want, got) {
			t.Errorf("ParseWords(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{";", "stop now: please", "es: !!!", "+"} {
		if got, err := recipient.ParseWords(text, known); err == nil && text != "+" {
			t.Errorf("ParseWords(%q) = %v", text, got)
		}
	}
	if len(known["en"]) != 1 {
		t.Error("the known words were changed")
	}
}

// What surrounds a message and how it is written changes nothing, and what is added to
// its words changes it.
func FuzzKeywords(f *testing.F) {
	for _, s := range []string{"stop", "Désabonner", "إيقاف", "रोकें", "退订", "\xff", "İ", "ß"} {
		f.Add(s)
	}
	words := recipient.NewKeywords(nil, nil)
	f.Fuzz(func(t *testing.T, text string) {
		out, in := words.Match(text)
		if out && in {
			t.Errorf("%q is both", text)
		}
		if len(text) > 60 {
			return
		}
		if o, i := words.Match(" ¡" + text + "! "); o != out || i != in {
			t.Errorf("%q with marks around it differs", text)
		}
		own := recipient.NewKeywords(map[string][]string{"": {text}}, map[string][]string{})
		hasWord := strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
		if o, _ := own.Match(text); hasWord && !o {
			t.Errorf("%q is not itself", text)
		}
		if o, _ := own.Match(text + " and more"); o {
			t.Errorf("%q and more matches", text)
		}
	})
}

// The table of area codes agrees with the library that files are read with, where that
// knows the code.
func TestInUS(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]bool{
		"+12025550123": true, "12025550123": true, "+14165550123": false, "+18765550123": false, "+17875550123": false,
		"+18005550123": false, "+5491155550100": false, "+1202555012": false, "+120255501234": false, "": false, "+11025550123": false,
	} {
		if got := recipient.InUS(number); got != want {
			t.Errorf("InUS(%q) = %v", number, got)
		}
	}
	states, others := 0, 0
	for code := 200; code < 1000; code++ {
		number := "+1" + string([]byte{byte('0' + code/100), byte('0' + code/10%10), byte('0' + code%10)}) + "2345678"
		parsed, err := phonenumbers.Parse(number, "")
		if err != nil || phonenumbers.GetNumberType(parsed) != phonenumbers.FIXED_LINE_OR_MOBILE {
			continue // of no country, such as toll-free ones
		}
		switch region := phonenumbers.GetRegionCodeForNumber(parsed); {
		case region == "US":
			states++
			if !recipient.InUS(number) {
				t.Errorf("%d is in the United States", code)
			}
		case region != "" && region != "ZZ":
			others++
			if recipient.InUS(number) {
				t.Errorf("%d is in %s", code, region)
			}
		}
	}
	if states < 300 || others < 60 {
		t.Errorf("the library knows %d codes of states and %d others", states, others)
	}
}
