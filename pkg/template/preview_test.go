package template_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/pkg/whatsapp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestPreview(t *testing.T) {
	for _, c := range []struct{ file, name, language, params string }{
		{"text", "visit_confirm", "en", `{"body":["Amina","10:30"],"buttons":{"0":{"payload":"yes"}}}`},
		{"addresses", "track_parcel", "en", `{"body":["Amina"],"buttons":{"0":{"url":"PX-20417?src=wa"}}}`},
		{"named", "sale_open_named", "en", `{"header":{"text":"Autumn fair"},"body":{"first_name":"Amina"}}`},
		{"location", "pickup_point", "en", `{"header":{"location":{"latitude":"51.5","longitude":"-0.1","name":"Locker 12","address":"1 Example Street"}},"body":["PX"]}`},
		{"coordinates", "pickup_point", "en", `{"header":{"location":{"latitude":"51.5","longitude":"-0.1"}},"body":["PX"]}`},
		{"document", "coupon", "en", `{"header":{"document":{"id":"7","filename":"coupon.pdf"}},"buttons":{"0":{"code":"AUT20"}}}`},
		{"video", "how_to_video", "en", `{"header":{"video":{"id":"1558081531584829"}}}`},
		{"code", "login_code", "en_US", `{"buttons":{"0":{"otp":"739204"}}}`},
		{"twice", "twice", "en", `{"body":["one","two"]}`},
	} {
		t.Run(c.file, func(t *testing.T) {
			d := lookup(t, c.name, c.language)
			golden(t, c.file, d.Preview(render(t, d, params(t, c.params))))
		})
	}
	for file, name := range map[string]string{"carousel_cards": "template_carousel_media_cards", "invoice_due": "template_body_currency_datetime"} {
		t.Run(file, func(t *testing.T) {
			r := readRequest(t, "testdata/send/"+name+".json")
			d := lookup(t, r.Template.Name, r.Template.Language.Code)
			golden(t, file, d.Preview(render(t, d, &job.Template{Components: r.Template.Components})))
		})
	}
	t.Run("unfilled", func(t *testing.T) {
		golden(t, "unfilled_offer", lookup(t, "lto_autumn", "en_US").Preview(whatsapp.Template{}))
		golden(t, "unfilled_cards", lookup(t, "carousel_cards", "en_US").Preview(whatsapp.Template{}))
	})
	t.Run("unchecked", func(t *testing.T) {
		d := template.Unchecked("appointment", "es_AR")
		in := params(t, `{"header":{"image":{"link":"https://a.test/b.png"}},"body":["Emilia","09:30"],"buttons":{"0":{"payload":"confirm"}}}`)
		golden(t, "unchecked", d.Preview(render(t, d, in)))
	})
}

func render(t testing.TB, d *template.Definition, in *job.Template) whatsapp.Template {
	t.Helper()
	out, err := d.Render(in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/preview/" + name + ".txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}
