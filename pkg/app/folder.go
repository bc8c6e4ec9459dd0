package app

import (
	"cmp"
	"slices"
)

// TemplatesOf is the folder of template definitions for what a number sends; empty
// when there is none.
func (c *Config) TemplatesOf(from string) string {
	for _, a := range c.Accounts {
		if slices.Contains(a.Numbers, from) {
			return cmp.Or(a.Templates, c.Templates)
		}
	}
	return c.Templates
}
