package job_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/wacast/wacast/pkg/job"
)

func compile(t *testing.T, schema []byte) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func conforms(t *testing.T, schema *jsonschema.Schema, in []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(in))
	if err != nil {
		t.Fatalf("%v: %s", err, in)
	}
	return schema.Validate(value)
}

// TestSchemaAgreesWithRules holds the schema to what DecodeStrict does, for each
// rule a schema can express.
func TestSchemaAgreesWithRules(t *testing.T) {
	schema := compile(t, job.Schema())
	for _, tt := range rules {
		t.Run(tt.name, func(t *testing.T) {
			err := conforms(t, schema, []byte(tt.in))
			if want := len(tt.fields) == 0 || tt.noSchema; (err == nil) != want {
				t.Errorf("the schema says %v, the rules name %v", err, tt.fields)
			}
		})
	}
}

func TestSchemaRefusesWhatDecodeStrictRefuses(t *testing.T) {
	schema := compile(t, job.Schema())
	for name, in := range map[string]string{
		"an unknown field":          inJob(`"priority":3`),
		"a field in another case":   inJob(`"Lane":"bulk"`),
		"null":                      inJob(`"campaign":null`),
		"an empty campaign":         inJob(`"campaign":""`),
		"an empty user id":          inJob(`"user_id":""`),
		"a number for a text":       inParams(`"body":[1]`),
		"null for a text":           inParams(`"body":{"a":null}`),
		"an unknown kind of button": inParams(`"buttons":{"0":{"catalog":{}}}`),
		"an unknown kind of header": inParams(`"header":{"gif":{"id":"1"}}`),
		"an empty link":             inParams(`"header":{"image":{"link":""}}`),
		"an empty token":            inParams(`"buttons":{"0":{"flow":{"flow_token":""}}}`),
		"an object for components":  inTemplate(`"components":{}`),
		"a list for vars":           inTemplate(`"vars":[]`),
		"another version":           edit(`"v":1`, `"v":2`),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := job.DecodeStrict([]byte(in)); err == nil {
				t.Error("DecodeStrict takes it")
			}
			if err := conforms(t, schema, []byte(in)); err == nil {
				t.Error("the schema takes it")
			}
		})
	}
}

func TestSchemaTakesTheGoldenJobs(t *testing.T) {
	schema := compile(t, job.Schema())
	for i, line := range readGolden(t, "testdata/v1.json") {
		if err := conforms(t, schema, line); err != nil {
			t.Errorf("job %d: %v", i, err)
		}
	}
}

// The schema's example is the contract's.
func TestSchemaExample(t *testing.T) {
	var schema struct{ Examples []json.RawMessage }
	if err := json.Unmarshal(job.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	if len(schema.Examples) != 1 {
		t.Fatalf("there are %d examples", len(schema.Examples))
	}
	got, err := job.DecodeStrict(schema.Examples[0])
	if err != nil {
		t.Fatal(err)
	}
	got.Metadata = bytes.ReplaceAll(got.Metadata, []byte(" "), nil)
	if diff := cmp.Diff(exampleJob(), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEventSchema(t *testing.T) {
	schema := compile(t, job.EventSchema())
	events := []job.Event{fullEvent(), secretEvent()}
	for _, kind := range job.Kinds() {
		e := fullEvent()
		events = append(events, job.NewEvent("wacast", e.Time, job.EventData{Kind: kind, Campaign: "c", ID: "a"}))
	}
	events = append(events, job.NewEvent("wacast", fullEvent().Time, job.EventData{Kind: job.AccountChanged}))
	for i := range events {
		data, err := job.EncodeEvent(&events[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := conforms(t, schema, data); err != nil {
			t.Errorf("%s: %v", events[i], err)
		}
	}
	if err := conforms(t, schema, []byte(`{"specversion":"1.0","data":{"kind":"accepted"}}`)); err == nil {
		t.Error("the schema takes an event without its envelope")
	}
}

// The vocabularies of the schema are those of the code.
func TestEventSchemaVocabulary(t *testing.T) {
	var schema struct {
		Defs struct {
			Outcome struct{ Enum []job.Kind }
			Data    struct {
				Properties struct {
					Kind   struct{ Enum []job.Kind }
					Lane   struct{ Enum []job.Lane }
					Reason struct{ Enum []job.Reason }
				}
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(job.EventSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	got := schema.Defs.Data.Properties
	if diff := cmp.Diff(job.Kinds(), got.Kind.Enum); diff != "" {
		t.Errorf("kinds (-code +schema):\n%s", diff)
	}
	if diff := cmp.Diff(job.Reasons(), got.Reason.Enum); diff != "" {
		t.Errorf("reasons (-code +schema):\n%s", diff)
	}
	if diff := cmp.Diff(job.Outcomes(), schema.Defs.Outcome.Enum); diff != "" {
		t.Errorf("outcomes (-code +schema):\n%s", diff)
	}
}

// A caller may change what it is given.
func TestSchemaIsACopy(t *testing.T) {
	job.Schema()[0] = 'x'
	job.EventSchema()[0] = 'x'
	want, err := os.ReadFile("schema/job.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(job.Schema(), want) || job.EventSchema()[0] != '{' {
		t.Error("a caller's change shows")
	}
}
