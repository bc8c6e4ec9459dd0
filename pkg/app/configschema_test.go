package app

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The schema and the reader agree on what a settings file is.
func TestConfigSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(ConfigSchema()))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("urn:wacast:config", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("urn:wacast:config")
	if err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(t.TempDir(), "token")
	write(t, token, "EAAx")
	for text, right := range map[string]bool{
		"{}": true,
		"nats: {url: 'nats://n'}\nredis: {url: 'redis://r', password_file: " + token + "}":                     true,
		"default_mps: 20\nrate_headroom: 0.1\nsend_timeout: 1m30s\ndedup_window: 3d\njobs_max_bytes: 3GiB":     true,
		"jobs_max_bytes: 1073741824\nlog: {level: debug, format: json}":                                        true,
		"accounts: [{waba_id: 102290129340398, numbers: [106540352242922], access_token_file: " + token + "}]": true,

		"default_mpss: 20":         false,
		"default_mps: 0":           false,
		"rate_headroom: 1":         false,
		"send_timeout: soon":       false,
		"jobs_max_bytes: 3 apples": false,
		"log: {level: loud}":       false,
		"log: {leval: info}":       false,
		"accounts: [{waba_id: 102290129340398, numbers: [1], access_token_file: " + token + ", colour: red}]": false,
		"accounts: [{numbers: [106540352242922], access_token_file: " + token + "}]":                          false,
	} {
		file := filepath.Join(t.TempDir(), "wacast.yaml")
		write(t, file, text)
		_, _, err := Load(Sources{File: file, Environ: []string{"WACAST_TEST_NONE=1"}})
		if (err == nil) != right {
			t.Errorf("Load of %q: %v", text, err)
		}
		if err := schema.Validate(fromYAML(t, text)); (err == nil) != right {
			t.Errorf("the schema of %q: %v", text, err)
		}
	}
}

// fromYAML reads a file as the validator takes it.
func fromYAML(t *testing.T, text string) any {
	t.Helper()
	values, err := yaml.Parser().Unmarshal([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return value
}
