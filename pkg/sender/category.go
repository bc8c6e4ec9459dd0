package sender

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Category is what a template counts as, such as MARKETING, and since when. The
// platform tells changes by webhook, before anybody brings the definition anew.
type Category struct {
	Name string    `json:"category"`
	At   time.Time `json:"at"`
}

// categoryKey is the key of a template's category; without a language it is that of
// all its languages.
func categoryKey(waba, template, language string) string {
	return TemplateTarget(waba, template, language).key(categoryPrefix)
}

// SetCategory says which category a template has, for all replicas, unless something
// newer is known. Without a language it is that of all languages. It needs no
// [Stops.Run].
func (s *Stops) SetCategory(ctx context.Context, waba, template, language string, c Category) error {
	c.Name, c.At = strings.ToUpper(c.Name), s.since(c.At)
	key := categoryKey(waba, template, language)
	value, err := json.Marshal(c)
	if err == nil && s.store != nil {
		err = s.store.Update(ctx, key, func(have []byte) ([]byte, error) {
			var was Category
			if json.Unmarshal(have, &was) == nil && !c.At.After(was.At) {
				return nil, errSame
			}
			return value, nil
		})
	}
	if err != nil && !errors.Is(err, errSame) {
		return fmt.Errorf("keep a template's category: %w", err)
	}
	s.applyCategory(key, value)
	return nil
}

// Category is what the platform has told of a template's category last; empty where it
// has told nothing, and the definition is right.
func (s *Stops) Category(waba, template, language string) string {
	if !s.categorized.Load() {
		return ""
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	own, all := s.categories[categoryKey(waba, template, language)], s.categories[categoryKey(waba, template, "")]
	if all.At.After(own.At) {
		return all.Name
	}
	return own.Name
}

// applyCategory takes a template's category, unless a newer one is known; false where
// the key is another's.
func (s *Stops) applyCategory(key string, value []byte) bool {
	if !strings.HasPrefix(key, categoryPrefix) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		delete(s.categories, key)
		s.notify()
		return true
	}
	var c Category
	if err := json.Unmarshal(value, &c); err != nil {
		s.log.Error("a shared category is ignored", "key", key, "error", err)
		return true
	}
	was, known := s.categories[key]
	if known && !c.At.After(was.At) {
		return true
	}
	s.categories[key] = c
	s.categorized.Store(true)
	if was.Name != c.Name {
		s.log.Info("a template has another category", "template", parseName(strings.TrimPrefix(key, categoryPrefix+string(ScopeTemplate)+".")), "category", c.Name)
		s.notify() // what was stopped for its category may go on
	}
	return true
}
