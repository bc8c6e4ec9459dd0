package whatsapp

import (
	"strings"
	"testing"
)

// classOfCode is the table once more, as a literal: each code of the fact sheet's
// section 2.4 and what became of a message that met it.
var classOfCode = []struct {
	class Class
	codes []int
}{
	{ClassRefusedAccount, []int{0, 3, 10, 104, 190, 200, 201, 299, 368, 131005, 131031, 131042, 131044, 134011, 2593079, 2593085, 2593107, 2593108}},
	{ClassRefusedNumber, []int{33, 131037, 131045, 131048, 133000, 133005, 133006, 133008, 133009, 133010, 133015, 133016,
		2388001, 2388012, 2388091, 2388093, 2388103}},
	{ClassUnavailableNumber, []int{131057, 2494100}},
	{ClassThrottledApp, []int{4, 613}},
	{ClassThrottledAccount, []int{80007, 80008}},
	{ClassThrottledNumber, []int{130429}},
	{ClassThrottledPair, []int{131056}},
	{ClassRefusedRecipient, []int{130403, 130472, 130497, 131021, 131026, 131030, 131047, 131049, 131050, 131062, 137000}},
	{ClassRefusedTemplate, []int{131055, 131061, 131063, 131064, 132000, 132001, 132007, 132012, 132015, 132016, 132021, 132068,
		134100, 134102, 139200, 2388000, 2388019, 2388039, 2388040, 2388047, 2388072, 2388073, 2388293, 2388299, 2388999}},
	{ClassUnavailableTemplate, []int{132069, 134101}},
	{ClassRefusedMessage, []int{100, 131008, 131009, 131043, 131051, 131052, 131053, 131060, 132005, 132008, 132018, 135000, 2046, 2047,
		131020, 131041, 131059, 131201, 131202, 131203, 131204, 131205, 131206, 131207, 131208, 131209, 131210, 131211, 131212, 131213, 131214, 131215,
		138000, 138006, 138999, 147001, 147002, 147003, 147004, 147005, 135002, 200005, 200006, 200007, 1752041}},
	{ClassTransient, []int{1, 2, 131000, 131016, 133004}},
}

func TestLookupEveryCode(t *testing.T) {
	seen := map[int]bool{}
	for _, group := range classOfCode {
		for _, code := range group.codes {
			seen[code] = true
			row, ok := Lookup(code, 0)
			if !ok || row.Class != group.class || row.Code != code {
				t.Errorf("Lookup(%d, 0) = %+v, %v; want class %v", code, row, ok, group.class)
			}
		}
	}
	for _, row := range table {
		if !seen[row.Code] {
			t.Errorf("the table has %d, this test has not", row.Code)
		}
	}
}

func TestLookupSubcodes(t *testing.T) {
	tests := []struct {
		code, subcode int
		class         Class
		meaning       string
	}{
		{100, 33, ClassRefusedNumber, "phone number id"},
		{100, 2388299, ClassRefusedTemplate, "begins or ends"},
		{100, 2494100, ClassUnavailableNumber, "maintenance"},
		{100, 77, ClassRefusedMessage, "parameter"},
		{190, 463, ClassRefusedAccount, "expired"},
		{190, 467, ClassRefusedAccount, "invalid"},
		{130429, 2494055, ClassThrottledNumber, "throughput"},
	}
	for _, tt := range tests {
		row, ok := Lookup(tt.code, tt.subcode)
		if !ok || row.Class != tt.class || row.Code != tt.code || !strings.Contains(row.Meaning, tt.meaning) {
			t.Errorf("Lookup(%d, %d) = %+v, %v; want %v with %q", tt.code, tt.subcode, row, ok, tt.class, tt.meaning)
		}
	}
}

func TestLookupUndocumented(t *testing.T) {
	for _, code := range []int{-1, 5, 199, 300, 131200, 131216, 132999, 147000, 147006, 999999} {
		if row, ok := Lookup(code, 0); ok {
			t.Errorf("Lookup(%d, 0) = %+v, want none", code, row)
		}
	}
}

func TestTableIsComplete(t *testing.T) {
	type key struct{ code, subcode int }
	seen := map[key]bool{}
	rows := append([]Code{noProof, badProof}, table...)
	for _, r := range ranges {
		rows = append(rows, r.Row)
	}
	for i, row := range rows {
		if row.Class < ClassRefusedMessage || row.Class > ClassTransient || row.Meaning == "" {
			t.Errorf("row %d: %+v lacks a class or a meaning", i, row)
		}
		if !strings.HasSuffix(row.Remedy, ".") {
			t.Errorf("row %d: remedy %q is no sentence", i, row.Remedy)
		}
	}
	for _, row := range table {
		k := key{row.Code, row.Subcode}
		if seen[k] {
			t.Errorf("%v stands twice", k)
		}
		seen[k] = true
	}
}

func TestClasses(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Classes() {
		if names[c.String()] || c.String() == "invalid" {
			t.Errorf("class %d is named %q", c, c)
		}
		names[c.String()] = true
	}
	if len(names) != 15 {
		t.Errorf("%d classes, want 15", len(names))
	}
	if Class(0).String() != "invalid" || Class(16).String() != "invalid" {
		t.Error("a class outside the set has a name")
	}
}
