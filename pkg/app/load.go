package app

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"github.com/wacast/wacast/pkg/sender"
)

// Sources are where settings come from, the later ones winning: defaults, the
// YAML file, the environment, flags.
type Sources struct {
	// File is the YAML file; empty for none.
	File string
	// Environ is the environment; nil takes that of the process.
	Environ []string
	// Flags are values by key.
	Flags map[string]string
}

// Load reads the settings. The error joins everything that is wrong, each with
// the names of its setting; the warnings name what is set but means nothing.
func Load(src Sources) (cfg Config, warnings []string, err error) {
	if src.Environ == nil {
		src.Environ = os.Environ()
	}
	k := koanf.New(".")
	settings := Settings()
	var bad []error
	note := func(err error) {
		if err != nil {
			bad = append(bad, err)
		}
	}
	note(loadFile(k, src.File, settings))
	warnings = loadEnv(k, src.Environ, settings)
	note(k.Load(confmap.Provider(anyMap(src.Flags), "."), nil))
	for _, s := range settings {
		note(s.read(k, &cfg))
	}
	note(cfg.useNATSContext(k.Get("nats.url") != nil))
	accounts, err := loadAccounts(k, cfg.AccountsDir)
	note(err)
	cfg.Accounts = accounts
	note(cfg.check())
	return cfg, warnings, errors.Join(bad...)
}

// read takes the setting from k, or its default.
func (s Setting) read(k *koanf.Koanf, cfg *Config) error {
	if s.Secret {
		return s.readSecret(k, cfg)
	}
	value := s.Default
	if v := k.Get(s.Key); v != nil { // a key without a value is not set
		value = fmt.Sprint(v)
	}
	if value == "" && s.Default == "" {
		return nil
	}
	return s.set(cfg, value)
}

func (s Setting) readSecret(k *koanf.Koanf, cfg *Config) error {
	path, value := k.String(s.Key+"_file"), k.String(s.Key)
	var secret sender.Secret
	switch {
	case path != "" && value != "":
		return fmt.Errorf("%s (%s): is given both as a value and as a file (%s); choose one", s.Key, s.Env, s.FileEnv())
	case path != "":
		secret = sender.File(path)
		if _, err := secret.Value(); err != nil {
			return fmt.Errorf("%s_file (%s): %w", s.Key, s.FileEnv(), err)
		}
	case value != "":
		secret = sender.Literal(value)
	default:
		return nil
	}
	reflect.ValueOf(cfg).Elem().Field(s.field).Set(reflect.ValueOf(secret))
	return nil
}

// loadFile reads the YAML file and refuses keys that mean nothing: a misspelled
// setting would otherwise silently keep its default.
func loadFile(k *koanf.Koanf, path string, settings []Setting) error {
	if path == "" {
		return nil
	}
	read := koanf.New(".")
	if err := read.Load(file.Provider(path), yaml.Parser()); err != nil {
		return fmt.Errorf("settings file %s: %w", path, err)
	}
	// A key may be written with its dots or in levels. Both come to be one, or the
	// environment would override only one of them.
	if err := k.Load(confmap.Provider(read.All(), "."), nil); err != nil {
		return fmt.Errorf("settings file %s: %w", path, err)
	}
	known := map[string]bool{"accounts": true}
	for _, s := range settings {
		known[s.Key] = true
		if s.Secret {
			known[s.Key+"_file"] = true
		}
	}
	var bad []error
	for _, key := range k.Keys() {
		if !known[key] {
			bad = append(bad, fmt.Errorf("settings file %s: %s is no setting (wacast config print lists them)", path, key))
		}
	}
	return errors.Join(bad...)
}

// loadEnv reads the variables of the settings and names the WACAST_ variables
// that belong to none.
func loadEnv(k *koanf.Koanf, environ []string, settings []Setting) (unknown []string) {
	keys := map[string]string{envPrefix + "CONFIG": ""}
	for _, s := range settings {
		keys[s.Env] = s.Key
		if s.Secret {
			keys[s.FileEnv()] = s.Key + "_file"
		}
	}
	_ = k.Load(env.Provider(".", env.Opt{ // reading a list in memory cannot fail
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if value == "" {
				return "", nil // an empty variable is an unset one, as in compose files
			}
			key, known := keys[name]
			if !known && !forTests(name) {
				unknown = append(unknown, name+" is no setting and has no effect (wacast config print lists them)")
			}
			return key, value
		},
	}), nil)
	slices.Sort(unknown)
	return unknown
}

// forTests reports whether a variable is one that the tests read.
func forTests(name string) bool {
	return strings.HasPrefix(name, envPrefix+"TEST_") || name == envPrefix+"REQUIRE_REDIS"
}

// loadAccounts reads the list in the settings file and the folder's files.
func loadAccounts(k *koanf.Koanf, dir string) ([]AccountConfig, error) {
	var accounts []AccountConfig
	if k.Exists("accounts") {
		if err := unmarshalStrict(k, "accounts", &accounts); err != nil {
			return nil, fmt.Errorf("accounts: %w", err)
		}
	}
	if dir == "" {
		return accounts, nil
	}
	files, err := accountFiles(dir)
	if err != nil {
		return accounts, fmt.Errorf("accounts_dir (%sACCOUNTS_DIR): %w", envPrefix, err)
	}
	var bad []error
	for _, path := range files {
		one := koanf.New(".")
		var a AccountConfig
		err := one.Load(file.Provider(path), yaml.Parser())
		if err == nil {
			err = unmarshalStrict(one, "", &a)
		}
		if err != nil {
			bad = append(bad, fmt.Errorf("account file %s: %w", path, err))
			continue
		}
		accounts = append(accounts, a)
	}
	return accounts, errors.Join(bad...)
}

// accountFiles lists the folder's YAML files. Kubernetes mounts Secrets with
// hidden folders beside them, which are passed over.
func accountFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if !strings.HasPrefix(e.Name(), ".") && (ext == ".yaml" || ext == ".yml") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no .yaml file: %w", dir, fs.ErrNotExist)
	}
	return files, nil
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for key := range maps.Keys(m) {
		out[key] = m[key]
	}
	return out
}
