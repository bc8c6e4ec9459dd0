package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// fileHint is for whoever reads of a flag and has a campaign file.
const fileHint = "the keys of a campaign file are the flags of wacast send, with _ in place of -; params has one expression a parameter"

// read takes the options from a campaign file. The error is all that is wrong with it,
// with lines.
func (o *sendOptions) read(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return usageError{fmt.Errorf("%s: %w", path, err)}
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return usageError{hintError{fmt.Errorf("%s: is no list of KEY: VALUE", path), fileHint}}
	}
	f := pflag.NewFlagSet(path, pflag.ContinueOnError)
	o.add(f)
	var errs []error
	for key, value := range pairs(doc.Content[0]) {
		if err := setKey(f, key, value); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", path, key.Line, err))
		}
	}
	if o.file == "" || o.file == "-" {
		errs = append(errs, fmt.Errorf("%s: file: must name the file of recipients", path))
	}
	if err := errors.Join(errs...); err != nil {
		return usageError{hintError{err, fileHint}}
	}
	o.origin, o.content = path, data
	if !filepath.IsAbs(o.file) {
		o.file = filepath.Join(filepath.Dir(path), o.file)
	}
	return nil
}

// pairs are the entries of a mapping in their order.
func pairs(mapping *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			value := mapping.Content[i+1]
			if value.Kind == yaml.AliasNode {
				value = value.Alias
			}
			if !yield(mapping.Content[i], value) {
				return
			}
		}
	}
}

// setKey sets the flag that a key stands for.
func setKey(f *pflag.FlagSet, key, value *yaml.Node) error {
	name := strings.ReplaceAll(key.Value, "_", "-")
	if key.Value == "params" {
		name = "param"
	}
	flag := f.Lookup(name)
	switch {
	case flag == nil || strings.Contains(key.Value, "-") || key.Value == "param":
		return fmt.Errorf("there is no key %s: there are %s", key.Value, strings.Join(fileKeys(f), ", "))
	case flag.Changed:
		return fmt.Errorf("%s is there twice", key.Value)
	}
	values, err := valuesOf(name, value)
	if err != nil {
		return fmt.Errorf("%s: %w", key.Value, err)
	}
	if _, many := flag.Value.(pflag.SliceValue); !many && len(values) != 1 {
		return fmt.Errorf("%s: must be one value", key.Value)
	}
	for _, v := range values {
		if err := f.Set(name, v); err != nil {
			return fmt.Errorf("%s: %q cannot be read as %s", key.Value, v, flag.Value.Type())
		}
	}
	return nil
}

// valuesOf are the values that a flag is set to, one after the other.
func valuesOf(flag string, value *yaml.Node) (values []string, err error) {
	switch {
	case flag == "param" && value.Kind == yaml.MappingNode:
		for key, expression := range pairs(value) {
			if expression.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("%s must be one value (line %d)", key.Value, expression.Line)
			}
			values = append(values, key.Value+"="+expression.Value)
		}
		return values, nil
	case flag == "param":
		return nil, errors.New("must be expressions by parameter, such as body.1: '{{.name}}'")
	case value.Kind == yaml.ScalarNode:
		return []string{value.Value}, nil
	case value.Kind == yaml.SequenceNode:
		for _, item := range value.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("must be a list of values (line %d)", item.Line)
			}
			values = append(values, item.Value)
		}
		return values, nil
	}
	return nil, errors.New("must be a value")
}

// fileKeys are the keys that a campaign file may have.
func fileKeys(f *pflag.FlagSet) (keys []string) {
	f.VisitAll(func(flag *pflag.Flag) {
		key := strings.ReplaceAll(flag.Name, "-", "_")
		if key == "param" {
			key = "params"
		}
		keys = append(keys, key)
	})
	slices.Sort(keys)
	return keys
}
