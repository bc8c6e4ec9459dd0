package template_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// wrapped marks what it wraps, and refuses what is marked as too long.
func wrapped(author string) (string, bool) { return "<" + author + ">", author != "long" }

func quickReplies(t *testing.T) *template.Definition {
	t.Helper()
	c, err := template.LoadDir(folder())
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Lookup("appointment_confirmation", "es_AR")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func payload(text string) job.Button { return job.Button{Payload: &text} }

// Each quick reply of the template gets a payload, also one that the job gave none.
func TestWithPayloads(t *testing.T) {
	body := job.Positional("Emilia", "23 de noviembre, 09:30")
	for name, tt := range map[string]struct {
		definition *template.Definition
		buttons    map[string]job.Button
		want       map[string]string // by index
	}{
		"none given":     {quickReplies(t), nil, map[string]string{"0": "<>", "1": "<>"}},
		"one given":      {quickReplies(t), map[string]job.Button{"1": payload("decline")}, map[string]string{"0": "<>", "1": "<decline>"}},
		"too long":       {quickReplies(t), map[string]job.Button{"0": payload("long")}, map[string]string{"0": "long", "1": "<>"}},
		"not known":      {template.Unchecked("n", "es"), map[string]job.Button{"1": payload("no")}, map[string]string{"1": "<no>"}},
		"nothing at all": {template.Unchecked("n", "es"), nil, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			rendered, err := tt.definition.Render(&job.Template{Params: &job.Params{Body: body, Buttons: tt.buttons}})
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[string]string)
			for _, c := range tt.definition.WithPayloads(rendered, wrapped).Components {
				if c.Type == "button" {
					if c.SubType != "quick_reply" || len(c.Parameters) != 1 || c.Parameters[0].Type != "payload" {
						t.Errorf("component %+v", c)
					}
					got[c.Index] = c.Parameters[0].Payload
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error("(-want +got):", diff)
			}
			if b, ok := tt.buttons["1"]; ok && *b.Payload != "decline" && *b.Payload != "no" {
				t.Errorf("the job's own payload became %q", *b.Payload)
			}
		})
	}
}

// What a job wrote itself keeps everything else, known or not.
func TestWithPayloadsInComponents(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"no buttons":       {`[ {"type":"body","parameters":[{"type":"text","text":"x"}]}]`, `[ {"type":"body","parameters":[{"type":"text","text":"x"}]}]`},
		"no list":          {`{"type":"button"}`, `{"type":"button"}`},
		"another button":   {`[{"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"x"}]}]`, `[{"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"x"}]}]`},
		"without payload":  {`[{"type":"button","sub_type":"quick_reply","index":0}]`, `[{"type":"button","sub_type":"quick_reply","index":0}]`},
		"too long":         {`[{"type":"button","sub_type":"quick_reply","index":0,"parameters":[{"type":"payload","payload":"long"}]}]`, `[{"type":"button","sub_type":"quick_reply","index":0,"parameters":[{"type":"payload","payload":"long"}]}]`},
		"in any case":      {`[{"type":"BUTTON","sub_type":"Quick_Reply","index":"1","new":{"a":[1]},"parameters":[{"type":"payload","payload":"yes\u00e9"}]}]`, `[{"index":"1","new":{"a":[1]},"parameters":[{"payload":"<yesé>","type":"payload"}],"sub_type":"Quick_Reply","type":"BUTTON"}]`},
		"in the cards":     {`[{"type":"carousel","cards":[{"card_index":0,"components":[{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"a"}]}]},{"card_index":1,"components":[]}]}]`, `[{"cards":[{"card_index":0,"components":[{"index":"0","parameters":[{"payload":"<a>","type":"payload"}],"sub_type":"quick_reply","type":"button"}]},{"card_index":1,"components":[]}],"type":"carousel"}]`},
		"a number instead": {`[{"type":"button","sub_type":"quick_reply","parameters":[{"type":"payload","payload":7}]}]`, `[{"type":"button","sub_type":"quick_reply","parameters":[{"type":"payload","payload":7}]}]`},
	} {
		t.Run(name, func(t *testing.T) {
			in := whatsapp.Template{Name: "n", RawComponents: json.RawMessage(tt.in)}
			got := string(template.Unchecked("n", "es").WithPayloads(in, wrapped).RawComponents)
			if got == tt.want {
				return
			}
			var a, b any
			if json.Unmarshal([]byte(got), &a) != nil || json.Unmarshal([]byte(tt.want), &b) != nil || cmp.Diff(a, b) != "" {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
			if tt.in == tt.want {
				t.Errorf("it was written anew: %s", got)
			}
		})
	}
}
