package template

import "reflect"

// Equal reports whether two definitions show the same texts and want the same
// parameters. Ids, the states of review and examples do not count.
func (d *Definition) Equal(o *Definition) bool { return reflect.DeepEqual(d.bare(), o.bare()) }

// bare is the definition without what does not matter to a send.
func (d *Definition) bare() Definition {
	c := *d
	c.id, c.status = "", ""
	c.main = d.main.bare()
	c.cards = make([]section, len(d.cards))
	for i := range d.cards {
		c.cards[i] = d.cards[i].bare()
	}
	return c
}

func (s section) bare() section {
	if s.header != nil {
		s.header = &header{format: s.header.format, text: s.header.text.bare()}
	}
	s.body = s.body.bare()
	s.buttons = append([]button{}, s.buttons...)
	for i := range s.buttons {
		s.buttons[i].url = s.buttons[i].url.bare()
	}
	return s
}

func (t text) bare() text {
	t.vars = append([]variable{}, t.vars...)
	for i := range t.vars {
		t.vars[i].example = ""
	}
	return t
}
