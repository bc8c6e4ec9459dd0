package webhook

import (
	"github.com/wacast/wacast/pkg/whatsapp"
)

// Stops is told what the platform stops.
type Stops any

// Accounts knows whose numbers are whose.
type Accounts any

// news is what the platform tells of a template, a number or an account.
type news struct {
	hook   *hook
	update *whatsapp.Update
}

func (p *Processor) obey(all []news) bool { return true }
