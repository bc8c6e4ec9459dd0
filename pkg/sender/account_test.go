package sender_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/sender"
)

func TestDirectoryLookup(t *testing.T) {
	clinic := &sender.Account{WABA: "1", Numbers: []string{"100", "101"}}
	rest := &sender.Account{WABA: "2"}
	d, err := sender.NewDirectory([]*sender.Account{clinic, rest}, 80)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]*sender.Account{"100": clinic, "101": clinic, "999": rest} {
		n, err := d.Lookup(id)
		if err != nil || n.Account != want || n.ID != id || n.MPS != 80 {
			t.Errorf("Lookup(%s) = %+v, %v; want account %s", id, n, err, want.WABA)
		}
	}
}

func TestDirectoryUnknownNumber(t *testing.T) {
	d, err := sender.NewDirectory([]*sender.Account{{WABA: "1", Numbers: []string{"100"}}}, 80)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Lookup("200"); !errors.Is(err, sender.ErrUnknown) {
		t.Errorf("Lookup(200) = %v, want ErrUnknown", err)
	}
}

func TestDirectoryNamesEveryConflict(t *testing.T) {
	_, err := sender.NewDirectory([]*sender.Account{
		{WABA: "1", Numbers: []string{"100", "+54911"}},
		{WABA: "2", Numbers: []string{"100"}},
		{WABA: "3"}, {WABA: "4"},
	}, 0)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"limit is 0", `"+54911" is no phone number id`, "number 100 is listed in accounts 1 and 2", "3 and 4 both list no numbers"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

func ExampleDirectory() {
	d, err := sender.NewDirectory([]*sender.Account{{WABA: "102290129340398", Numbers: []string{"106540352242922"}}}, 80)
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := d.Lookup("106540352242922")
	fmt.Println(n.Account.WABA, n.MPS, err)
	_, err = d.Lookup("1")
	fmt.Println(err)
	// Output:
	// 102290129340398 80 <nil>
	// number belongs to no account: 1 (add it to an account's numbers)
}
