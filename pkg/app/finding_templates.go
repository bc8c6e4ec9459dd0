package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/template"
)

const (
	howPull   = "wacast template pull"
	howFolder = "Make a folder, set templates (WACAST_TEMPLATES) to it, then: " + howPull
)

// templates compares the account's folder with what the API lists.
func (x *examination) templates(ctx context.Context, a *sender.Account, token string) {
	name := x.of("templates", a)
	raws, err := x.api.Templates(ctx, a.WABA, token)
	if err != nil {
		x.refused(name, err, "")
		return
	}
	if a.Templates == "" {
		x.warn(name, fmt.Sprintf("the API lists %d, but there is no folder of definitions: parameters are sent unchecked", len(raws)), howFolder)
		return
	}
	folder, err := template.LoadDir(os.DirFS(a.Templates))
	if err != nil {
		x.fail(name, fmt.Sprintf("%s: %v; no worker starts with it", a.Templates, err), howFilled(len(raws)))
		return
	}
	if len(raws) == 0 && x.simulated() {
		x.warn(name, "the API lists none: this simulator takes any", "Start it with its --templates-dir to have them judged.")
		return
	}
	defs, _ := template.Parse(joinRaw(raws)) // pull says which of them make no sense
	api, err := template.NewCatalog(defs)
	if err != nil {
		x.fail(name, "the API's list: "+err.Error(), "Try again.")
		return
	}
	x.compare(name, folder, api)
}

// howFilled is what to do about a folder that is empty or wrong.
func howFilled(listed int) string {
	if listed == 0 {
		return "The API lists none to take: put a definition there, or unset templates (WACAST_TEMPLATES) to send unchecked."
	}
	return "Take the API's list: " + howPull + "; or correct the file that is named."
}

// joinRaw makes one list of templates.
func joinRaw(raws []json.RawMessage) []byte {
	return append(append([]byte{'['}, bytes.Join(asBytes(raws), []byte{','})...), ']')
}

func asBytes(raws []json.RawMessage) [][]byte {
	out := make([][]byte, len(raws))
	for i, raw := range raws {
		out[i] = raw
	}
	return out
}

// compare says in one finding each what is wrong in the same way.
func (x *examination) compare(name string, folder, api *template.Catalog) {
	var missing, changed, stale, unsendable, unknown []string
	for _, d := range folder.All() {
		listed, err := api.Lookup(d.Name(), d.Language())
		switch {
		case err != nil:
			missing = append(missing, absent(d, api))
			continue
		case !d.Equal(listed):
			changed = append(changed, d.String())
		case d.Status() != listed.Status():
			stale = append(stale, fmt.Sprintf("%s is %s", d, listed.Status()))
		}
		if listed.Sendable() != nil {
			unsendable = append(unsendable, fmt.Sprintf("%s is %s", d, listed.Status()))
		}
	}
	for _, d := range api.All() {
		if _, err := folder.Lookup(d.Name(), d.Language()); err != nil && d.Sendable() == nil {
			unknown = append(unknown, d.String())
		}
	}
	before := len(x.findings)
	if len(missing) > 0 {
		x.fail(name, "in the folder, but not at the API: "+listed(missing), "Use the exact language codes of the API, or take its list: "+howPull)
	}
	if len(changed) > 0 {
		x.fail(name, "the definition differs from the API's: "+listed(changed), howPull)
	}
	if len(stale) > 0 {
		x.warn(name, "the status in the folder is out of date: "+listed(stale), howPull)
	}
	if len(unsendable) > 0 {
		x.warn(name, "not approved, so they cannot be sent: "+listed(unsendable), "WhatsApp Manager says why; a paused template comes back by itself.")
	}
	if len(unknown) > 0 {
		x.warn(name, "at the API, but not in the folder, so jobs with them are rejected: "+listed(unknown), howPull)
	}
	if len(x.findings) == before {
		x.ok(name, "%d in the folder, as the API lists them", len(folder.All()))
	}
}

// absent names a template that the API does not have in this language.
func absent(d *template.Definition, api *template.Catalog) string {
	var languages []string
	for _, other := range api.All() {
		if other.Name() == d.Name() {
			languages = append(languages, other.Language())
		}
	}
	if len(languages) == 0 {
		return d.String()
	}
	return fmt.Sprintf("%s, which it has in %s", d, listed(languages))
}
