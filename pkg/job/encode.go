package job

// The methods of this file write the parts of a job, in the order of the
// contract's example. BodyHash depends on that order: a new field may be added
// anywhere, but nothing that is here may move.

func (w *writer) job(j *Job) {
	w.braces(func() {
		w.integer("v", int64(j.V))
		w.text("id", j.ID)
		w.text("campaign", j.Campaign)
		w.text("from", j.From)
		w.text("to", string(j.To))
		w.text("user_id", j.UserID)
		w.text("lane", string(j.Lane))
		w.object("template", func() { w.template(&j.Template) })
		w.time("send_at", j.SendAt)
		w.time("expires_at", j.ExpiresAt)
		w.time("reply_by", j.ReplyBy)
		w.text("on_unknown", string(j.OnUnknown))
		w.raw("metadata", j.Metadata)
	})
}

func (w *writer) template(t *Template) {
	w.text("name", t.Name)
	w.text("language", t.Language)
	if t.Params != nil {
		w.object("params", func() { w.params(t.Params) })
	}
	w.raw("components", t.Components)
	if t.Vars != nil {
		w.name("vars")
		w.value(t.Vars)
	}
}

func (w *writer) params(p *Params) {
	if p.Header != nil {
		w.object("header", func() { w.header(p.Header) })
	}
	if p.Body != nil {
		w.name("body")
		w.body(p.Body)
	}
	if p.Buttons == nil {
		return
	}
	w.object("buttons", func() {
		for _, index := range sortedNames(p.Buttons) {
			w.anyName(index)
			w.braces(func() { w.button(p.Buttons[index]) })
		}
	})
}

func (w *writer) header(h *Header) {
	w.textPtr("text", h.Text)
	w.media("image", h.Image)
	w.media("video", h.Video)
	w.media("document", h.Document)
	if l := h.Location; l != nil {
		w.object("location", func() {
			w.text("latitude", l.Latitude)
			w.text("longitude", l.Longitude)
			w.text("name", l.Name)
			w.text("address", l.Address)
		})
	}
}

func (w *writer) media(name string, m *Media) {
	if m == nil {
		return
	}
	w.object(name, func() {
		w.text("id", m.ID)
		w.text("link", m.Link)
		w.text("filename", m.Filename)
	})
}

func (w *writer) button(b Button) {
	w.textPtr("payload", b.Payload)
	w.textPtr("url", b.URL)
	w.textPtr("code", b.Code)
	w.textPtr("otp", b.OTP)
	if f := b.Flow; f != nil {
		w.object("flow", func() {
			w.text("flow_token", f.Token)
			w.raw("flow_action_data", f.Data)
		})
	}
}

func (w *writer) body(b *Body) {
	if b.Named != nil {
		w.braces(func() {
			for _, name := range sortedNames(b.Named) {
				w.anyName(name)
				w.quote(b.Named[name])
			}
		})
		return
	}
	w.brackets(func() {
		for _, text := range b.List {
			w.comma()
			w.quote(text)
		}
	})
}
