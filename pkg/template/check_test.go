package template_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
)

// Definitions of the table below, in the API's words.
const (
	defPlain    = `[{"type":"BODY","text":"Hello."}]`
	defThree    = `[{"type":"BODY","text":"Hello {{1}}, parcel {{2}} arrives on {{3}}.","example":{"body_text":[["Amina","PX-20417","Thursday"]]}}]`
	defNamed    = `[{"type":"HEADER","format":"TEXT","text":"{{event}} opens"},{"type":"BODY","text":"Hello {{first_name}}, {{parcel}} for {{first_name}}."}]`
	defHeader   = `[{"type":"HEADER","format":"TEXT","text":"Order {{1}}","example":{"header_text":["A-7"]}},{"type":"BODY","text":"Thanks."}]`
	defImage    = `[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"Look."}]`
	defVideo    = `[{"type":"HEADER","format":"VIDEO"},{"type":"BODY","text":"Look."}]`
	defLocation = `[{"type":"HEADER","format":"LOCATION"},{"type":"BODY","text":"Here."}]`
	defProduct  = `[{"type":"HEADER","format":"PRODUCT"},{"type":"BODY","text":"This."},{"type":"BUTTONS","buttons":[{"type":"SPM","text":"View"}]}]`
	defButtons  = `[{"type":"BODY","text":"Choose."},{"type":"BUTTONS","buttons":[
		{"type":"QUICK_REPLY","text":"Yes"},{"type":"URL","text":"Track","url":"https://a.test/{{1}}"},
		{"type":"URL","text":"Help","url":"https://a.test/help"},{"type":"COPY_CODE","text":"Copy"},{"type":"PHONE_NUMBER","text":"Call","phone_number":"+441632960000"}]}]`
	defOTP      = `[{"type":"BODY","text":"{{1}} is your code."},{"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"COPY_CODE","text":"Copy"}]}]`
	defMPM      = `[{"type":"BODY","text":"Look."},{"type":"BUTTONS","buttons":[{"type":"MPM","text":"View"}]}]`
	defOffer    = `[{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Soon","has_expiration":true}},{"type":"BODY","text":"Use {{1}}."}]`
	defCarousel = `[{"type":"BODY","text":"Hi."},{"type":"CAROUSEL","cards":[
		{"components":[{"type":"BODY","text":"Save {{1}}"},{"type":"BUTTONS","buttons":[{"type":"URL","text":"Shop","url":"https://a.test/{{1}}"}]}]},
		{"components":[{"type":"BODY","text":"Save {{1}}"},{"type":"BUTTONS","buttons":[{"type":"URL","text":"Shop","url":"https://a.test/{{1}}"}]}]}]}]`
	defProducts = `[{"type":"BODY","text":"Hi."},{"type":"CAROUSEL","cards":[{"components":[{"type":"HEADER","format":"PRODUCT"}]},{"components":[{"type":"HEADER","format":"PRODUCT"}]}]}]`
)

// ok3 fills the required buttons of defButtons.
const ok3 = `"1":{"url":"x"},"3":{"code":"AUT20"}`

func TestChecksOfParams(t *testing.T) {
	for _, c := range []struct {
		name, def, params string
		// want is path, code and text of each problem; none is a sound job.
		want []string
	}{
		{"nothing to fill", defPlain, `{}`, nil},
		{"all filled", defThree, `{"body":["a","b","c"]}`, nil},
		{"numbers as names", defThree, `{"body":{"1":"a","2":"b","3":"c"}}`, nil},

		// Counts.
		{"too few", defThree, `{"body":["a"]}`, []string{"template.params.body 132000 the body has 3 variables ({{1}}, {{2}}, {{3}}), 1 value given"}},
		{"none", defThree, `{}`, []string{"template.params.body 132000 the body has 3 variables ({{1}}, {{2}}, {{3}}), 0 values given"}},
		{"too many", defPlain, `{"body":["a"]}`, []string{"template.params.body 132000 the body has 0 variables, 1 value given"}},
		{"no header text", defHeader, `{}`, []string{"template.params.header 132000 the header has 1 variable ({{1}}), 0 values given"}},
		{"header for a template without", defPlain, `{"header":{"text":"a"}}`, []string{"template.params.header 132000 a header is given, the template has none"}},

		// Names.
		{"list for names", defNamed, `{"header":{"text":"Fair"},"body":["a","b"]}`, []string{"template.params.body 100 the template names its variables: give an object with {{first_name}}, {{parcel}}"}},
		{"unknown name", defNamed, `{"header":{"text":"Fair"},"body":{"first_name":"a","paket":"b"}}`, []string{"template.params.body.paket 100 the template has no variable of this name: it has {{first_name}}, {{parcel}}"}},
		{"missing name", defNamed, `{"header":{"text":"Fair"},"body":{"first_name":"a"}}`, []string{"template.params.body 132000 the body has 2 variables ({{first_name}}, {{parcel}}), 1 value given"}},
		{"names for numbers", defThree, `{"body":{"a":"a","b":"b","c":"c"}}`, []string{"template.params.body 100 the template numbers its variables: give a list, or an object with the names 1 to 3"}},
		{"numbers with a gap", defThree, `{"body":{"1":"a","2":"b","4":"c"}}`, []string{"template.params.body 100 the template numbers its variables: give a list, or an object with the names 1 to 3"}},

		// Types.
		{"no media", defImage, `{}`, []string{"template.params.header 132012 the template's header is IMAGE, none is given"}},
		{"no product", defProduct, `{}`, []string{"template.params.header 132012 the template's header is PRODUCT, none is given: give components in place of params"}},
		{"other media", defImage, `{"header":{"video":{"id":"1"}}}`, []string{"template.params.header.video 132012 the template's header is IMAGE, VIDEO is given"}},
		{"text for media", defImage, `{"header":{"text":"a"}}`, []string{"template.params.header.text 132012 the template's header is IMAGE, TEXT is given"}},
		{"media for text", defHeader, `{"header":{"image":{"id":"1"}}}`, []string{"template.params.header.image 132012 the template's header is TEXT, IMAGE is given"}},
		{"empty media", defImage, `{"header":{"image":{}}}`, []string{"template.params.header.image 131008 must have an id or a link"}},
		{"link", defImage, `{"header":{"image":{"link":"https://a.test/b.png"}}}`, nil},
		{"link with capitals", defImage, `{"header":{"image":{"link":"HTTPS://a.test/b.png"}}}`, nil},
		{"link of another scheme", defImage, `{"header":{"image":{"link":"ftp://a.test/b.png"}}}`, []string{"template.params.header.image.link 131009 must be an address that begins with https:// or http://"}},
		{"link without host", defImage, `{"header":{"image":{"link":"https:///b.png"}}}`, []string{"template.params.header.image.link 131009 must be an address that begins with https:// or http://"}},
		{"file name of a video", defVideo, `{"header":{"video":{"id":"1","filename":"a"}}}`, []string{"template.params.header.video.filename 100 is for documents only"}},
		{"latitude", defLocation, `{"header":{"location":{"latitude":"91","longitude":"0"}}}`, []string{"template.params.header.location.latitude 131009 must be decimal degrees, -90 to 90"}},
		{"longitude", defLocation, `{"header":{"location":{"latitude":"9","longitude":"NaN"}}}`, []string{"template.params.header.location.longitude 131009 must be decimal degrees, -180 to 180"}},
		{"no longitude", defLocation, `{"header":{"location":{"latitude":"9"}}}`, []string{"template.params.header.location 131008 must have latitude and longitude"}},

		// Buttons.
		{"required only", defButtons, `{"buttons":{` + ok3 + `}}`, nil},
		{"optional too", defButtons, `{"buttons":{"0":{"payload":"p"},` + ok3 + `}}`, nil},
		{"required missing", defButtons, `{"buttons":{"0":{"payload":"p"}}}`, []string{
			`template.params.buttons.1 131008 button 1 ("Track") requires a parameter: give url (what follows the fixed part of the address)`,
			`template.params.buttons.3 131008 button 3 ("Copy") requires a parameter: give code (the coupon)`}},
		{"static address", defButtons, `{"buttons":{"2":{"url":"x"},` + ok3 + `}}`, []string{`template.params.buttons.2.url 132000 button 2 ("Help") is the same for everybody and takes no parameter`}},
		{"telephone", defButtons, `{"buttons":{"4":{"payload":"x"},` + ok3 + `}}`, []string{`template.params.buttons.4.payload 132012 button 4 ("Call") is the same for everybody and takes no parameter`}},
		{"other kind", defButtons, `{"buttons":{"0":{"url":"x"},` + ok3 + `}}`, []string{`template.params.buttons.0.url 132012 button 0 ("Yes") is of the kind QUICK_REPLY`}},
		{"flow for a coupon", defButtons, `{"buttons":{"1":{"url":"x"},"3":{"flow":{}}}}`, []string{`template.params.buttons.3.flow 132012 button 3 ("Copy") is of the kind COPY_CODE`}},
		{"code for an address", defButtons, `{"buttons":{"1":{"otp":"1"},"3":{"code":"a"}}}`, []string{`template.params.buttons.1.otp 132012 button 1 ("Track") takes no one-time code: give url`}},
		{"no such button", defButtons, `{"buttons":{"5":{"url":"x"},` + ok3 + `}}`, []string{`template.params.buttons.5.url 131009 the template has no button 5: it has 5 buttons`}},
		{"no number", defButtons, `{"buttons":{"one":{"url":"x"},` + ok3 + `}}`, []string{`template.params.buttons.one.url 100 a button's index must be its position in the template, from 0`}},
		{"coupon of 20", defButtons, `{"buttons":{"1":{"url":"x"},"3":{"code":"` + long(20) + `"}}}`, nil},
		{"coupon of 21", defButtons, `{"buttons":{"1":{"url":"x"},"3":{"code":"` + long(21) + `"}}}`, []string{`template.params.buttons.3.code 100 the coupon of button 3 ("Copy") has 21 characters, at most 20 are allowed`}},
		{"payload of 256", defButtons, `{"buttons":{"0":{"payload":"` + long(256) + `"},` + ok3 + `}}`, nil},
		{"payload of 257", defButtons, `{"buttons":{"0":{"payload":"` + long(257) + `"},` + ok3 + `}}`, []string{`template.params.buttons.0.payload 100 the payload of button 0 ("Yes") has 257 characters, at most 256 are allowed`}},
		{"payload with a new line", defButtons, `{"buttons":{"0":{"payload":"a\nb"},` + ok3 + `}}`, nil},
		{"products", defMPM, `{}`, []string{`template.params.buttons.0 131008 button 0 ("View") requires a parameter: give components in place of params`}},
		{"code fills the body", defOTP, `{"buttons":{"0":{"otp":"739204"}}}`, nil},
		{"code twice", defOTP, `{"body":["739204"],"buttons":{"0":{"otp":"739204"}}}`, nil},
		{"code differs", defOTP, `{"body":["739205"],"buttons":{"0":{"otp":"739204"}}}`, []string{`template.params.body[0] 131009 body variable {{1}} must be the same code as the button's`}},
		{"code of 15", defOTP, `{"buttons":{"0":{"otp":"` + long(15) + `"}}}`, nil},
		{"code of 16", defOTP, `{"buttons":{"0":{"otp":"` + long(16) + `"}}}`, []string{`template.params.buttons.0.otp 100 the code of button 0 ("Copy") has 16 characters, at most 15 are allowed`}},
		{"code in the body only", defOTP, `{"body":["739204"]}`, []string{`template.params.buttons.0 131008 button 0 ("Copy") requires a parameter: give otp`}},
		{"offer", defOffer, `{"body":["a"]}`, []string{`template.params.limited_time_offer 131008 the offer's end is missing: give components with limited_time_offer`}},
		{"carousel", defCarousel, `{}`, []string{`template.params.carousel 131008 the template has a carousel: give components in place of params`}},

		// Text.
		{"new line", defThree, `{"body":["a","b\nb","c"]}`, []string{`template.params.body[1] 132018 body variable {{2}} (example "PX-20417") must not have a new line`}},
		{"carriage return", defThree, `{"body":["a\r","b","c"]}`, []string{`template.params.body[0] 132018 body variable {{1}} (example "Amina") must not have a new line`}},
		{"tab", defHeader, `{"header":{"text":"a\tb"}}`, []string{`template.params.header.text 132018 header variable {{1}} (example "A-7") must not have a tab`}},
		{"four spaces", defThree, `{"body":["a    b","b","c"]}`, nil},
		{"five spaces", defThree, `{"body":["a     b","b","c"]}`, []string{`template.params.body[0] 132018 body variable {{1}} (example "Amina") must not have more than four spaces in a row`}},
		{"spaces apart", defThree, `{"body":["a   b   c","b","c"]}`, nil},
		{"new line in an address", defButtons, `{"buttons":{"1":{"url":"x\ny"},"3":{"code":"a"}}}`, []string{`template.params.buttons.1.url 132018 button 1 ("Track") must not have a new line`}},
		{"new line in a name's value", defNamed, `{"header":{"text":"Fair"},"body":{"first_name":"a","parcel":"b\n"}}`, []string{`template.params.body.parcel 132018 body variable {{parcel}} must not have a new line`}},
		{"new line in a numbered object", defThree, `{"body":{"1":"a","2":"b","3":"\n"}}`, []string{`template.params.body.3 132018 body variable {{3}} (example "Thursday") must not have a new line`}},
		{"tab in a code", defOTP, `{"buttons":{"0":{"otp":"1\t2"}}}`, []string{
			`template.params.buttons.0.otp 132018 body variable {{1}} must not have a tab`,
			`template.params.buttons.0.otp 132018 button 0 ("Copy") must not have a tab`}},

		// Empty.
		{"empty value", defThree, `{"body":["a","","c"]}`, []string{`template.params.body[1] 131008 body variable {{2}} (example "PX-20417") is empty`}},
		{"empty header", defHeader, `{"header":{"text":""}}`, []string{`template.params.header.text 131008 header variable {{1}} (example "A-7") is empty`}},
		{"empty address", defButtons, `{"buttons":{"1":{"url":""},"3":{"code":"a"}}}`, []string{`template.params.buttons.1.url 131008 button 1 ("Track") is empty`}},
		{"empty coupon", defButtons, `{"buttons":{"1":{"url":"x"},"3":{"code":""}}}`, []string{`template.params.buttons.3.code 131008 button 3 ("Copy") is empty`}},
		{"empty payload", defButtons, `{"buttons":{"0":{"payload":""},` + ok3 + `}}`, []string{`template.params.buttons.0.payload 131008 button 0 ("Yes") is empty`}},

		// All at once, in the API's order.
		{"everything", `[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"{{1}} and {{2}}."},{"type":"BUTTONS","buttons":[{"type":"URL","text":"Go","url":"https://a.test/{{1}}"}]}]`,
			`{"body":["","b\n","` + long(1100) + `"]}`, []string{
				`template.params.body 132000 the body has 2 variables ({{1}}, {{2}}), 3 values given`,
				`template.params.header 132012 the template's header is IMAGE, none is given`,
				`template.params.buttons.0 131008 button 0 ("Go") requires a parameter: give url (what follows the fixed part of the address)`,
				`template.params.body[1] 132018 body variable {{2}} must not have a new line`,
				`template.params.body[0] 131008 body variable {{1}} is empty`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			format := "POSITIONAL"
			if c.def == defNamed {
				format = "NAMED"
			}
			d := define(t, format, c.def)
			_, err := d.Render(params(t, c.params))
			wantProblems(t, err, c.want)
		})
	}
}

func wantProblems(t *testing.T, err error, want []string) {
	t.Helper()
	var got []string
	for _, p := range problemsOf(err) {
		got = append(got, fmt.Sprintf("%s %d %s", p.Path, p.Code, p.Text))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%v", diff, err)
	}
}

// TestLengths fills texts to the limit and one character beyond, in characters of
// two and more bytes.
func TestLengths(t *testing.T) {
	const literal = "é{{1}}é" // two characters, and a variable
	offer := `{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Soon"}},`
	for _, c := range []struct {
		name, def string
		limit     int
		fill      func(string) *job.Params
	}{
		{"header", `[{"type":"HEADER","format":"TEXT","text":"` + literal + `"},{"type":"BODY","text":"a"}]`, 60,
			func(s string) *job.Params { return &job.Params{Header: &job.Header{Text: &s}} }},
		{"body", `[{"type":"BODY","text":"` + literal + `"}]`, 1024, bodyOf},
		{"body of an offer", `[` + offer + `{"type":"BODY","text":"` + literal + `"}]`, 600, bodyOf},
		{"address", `[{"type":"BODY","text":"a"},{"type":"BUTTONS","buttons":[{"type":"URL","text":"Go","url":"éé{{1}}"}]}]`, 2000,
			func(s string) *job.Params { return &job.Params{Buttons: map[string]job.Button{"0": {URL: &s}}} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := define(t, "POSITIONAL", c.def)
			if _, err := d.Render(&job.Template{Params: c.fill(strings.Repeat("ñ", c.limit-2))}); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			_, err := d.Render(&job.Template{Params: c.fill(strings.Repeat("ñ", c.limit-1))})
			wantFirst(t, err, 132005)
			if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("has %d characters, at most %d are allowed", c.limit+1, c.limit)) {
				t.Errorf("beyond: %v", err)
			}
		})
	}
	t.Run("a variable used twice counts twice", func(t *testing.T) {
		d := define(t, "NAMED", `[{"type":"BODY","text":"{{a}}.{{a}}"}]`)
		in := job.Template{Params: &job.Params{Body: job.Named(map[string]string{"a": long(511)})}}
		if _, err := d.Render(&in); err != nil {
			t.Error(err)
		}
		in.Params.Body.Named["a"] = long(512)
		_, err := d.Render(&in)
		wantFirst(t, err, 132005)
	})
}

func bodyOf(s string) *job.Params { return &job.Params{Body: job.Positional(s)} }

func TestChecksOfComponents(t *testing.T) {
	const fine = `{"type":"text","text":"a"}`
	card := func(n int, parts string) string { return fmt.Sprintf(`{"card_index":%d,"components":[%s]}`, n, parts) }
	const cardParts = `{"type":"body","parameters":[` + fine + `]},{"type":"button","sub_type":"URL","index":0,"parameters":[` + fine + `]}`
	for _, c := range []struct {
		name, def, components string
		want                  []string
	}{
		{"in capitals, with a number as index", defOTP, `[{"type":"BODY","parameters":[{"type":"TEXT","text":"7"}]},{"type":"BUTTON","sub_type":"URL","index":0,"parameters":[{"type":"Text","text":"7"}]}]`, nil},
		{"a name in a numbered template", defHeader, `[{"type":"header","parameters":[{"type":"text","parameter_name":"x","text":"a"}]}]`, nil},
		{"unknown component", defPlain, `[{"type":"order_status","parameters":[{"type":"order_status","order_status":{}}]}]`, nil},
		{"no list of components", defPlain, `[5]`, []string{"template.components 100 must be a list of components as the Cloud API takes them"}},
		{"wrong field", defPlain, `[{"type":5}]`, []string{"template.components 100 must be a list of components as the Cloud API takes them (type is a JSON number)"}},
		{"text is a number", defThree, `[{"type":"body","parameters":[` + fine + `,{"type":"text","text":5},` + fine + `]}]`, []string{
			"template.components[0].parameters[1].text 100 must be a string",
			`template.components[0].parameters[1] 131008 body variable {{2}} (example "PX-20417") is empty`}},
		{"no component", defThree, `[]`, []string{"template.components 132000 the body has 3 variables ({{1}}, {{2}}, {{3}}), 0 values given"}},
		{"repeated", defHeader, `[{"type":"header","parameters":[` + fine + `]},{"type":"header","parameters":[` + fine + `]}]`, []string{"template.components[1] 100 repeats components[0]"}},
		{"header of two", defImage, `[{"type":"header","parameters":[{"type":"image","image":{"id":"1"}},{"type":"image","image":{"id":"1"}}]}]`, []string{"template.components[0] 132000 the header takes one parameter, 2 are given"}},
		{"name missing", defNamed, `[{"type":"header","parameters":[{"type":"text","parameter_name":"event","text":"a"}]},{"type":"body","parameters":[{"type":"text","parameter_name":"parcel","text":"a"},` + fine + `]}]`,
			[]string{"template.components[1].parameters[1] 100 parameter_name is missing: the template has {{first_name}}, {{parcel}}"}},
		{"name twice", defNamed, `[{"type":"header","parameters":[{"type":"text","parameter_name":"event","text":"a"}]},{"type":"body","parameters":[{"type":"text","parameter_name":"parcel","text":"a"},{"type":"text","parameter_name":"parcel","text":"a"}]}]`,
			[]string{"template.components[1].parameters[1] 100 a second value for one name"}},
		{"body of another type", defOTP, `[{"type":"body","parameters":[{"type":"payload","payload":"a"}]},{"type":"button","sub_type":"url","index":"0","parameters":[` + fine + `]}]`, []string{
			`template.components[0].parameters[0] 132012 body variable {{1}} must be text, not "payload"`,
			`template.components[0].parameters[0] 131009 body variable {{1}} must be the same code as the button's`}},
		{"fallback with a new line", defHeader, `[{"type":"header","parameters":[{"type":"text","text":"a"}]},{"type":"x","parameters":[{"type":"currency","currency":{"fallback_value":"a\nb"}}]}]`,
			[]string{"template.components[1].parameters[0] 132018 x must not have a new line"}},
		{"button without parameters", defOTP, `[{"type":"body","parameters":[` + fine + `]},{"type":"button","sub_type":"url","index":"0"}]`,
			[]string{`template.components[1] 131008 button 0 ("Copy") requires a parameter of the type text`}},
		{"button with two", defOTP, `[{"type":"body","parameters":[` + fine + `]},{"type":"button","sub_type":"url","index":"0","parameters":[` + fine + `,` + fine + `]}]`,
			[]string{`template.components[1] 132000 button 0 ("Copy") takes one parameter, 2 are given`}},
		{"button of another type", defOTP, `[{"type":"body","parameters":[` + fine + `]},{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"payload","payload":"a"}]}]`, []string{
			`template.components[1].parameters[0] 132012 button 0 ("Copy") takes a parameter of the type text`,
			`template.components[0].parameters[0] 131009 body variable {{1}} must be the same code as the button's`}},
		{"no index", defOTP, `[{"type":"body","parameters":[` + fine + `]},{"type":"button","sub_type":"url","parameters":[` + fine + `]}]`, []string{
			`template.components 131008 button 0 ("Copy") requires a parameter: give otp`,
			"template.components[1] 131008 index is missing: it is the button's position in the template, from 0"}},
		{"index with zeros", defPlain, `[{"type":"button","sub_type":"url","index":"00","parameters":[` + fine + `]}]`, []string{"template.components[0] 100 a button's index must be its position in the template, from 0"}},
		{"negative index", defPlain, `[{"type":"button","sub_type":"url","index":-1,"parameters":[` + fine + `]}]`, []string{"template.components[0] 100 a button's index must be its position in the template, from 0"}},
		{"cards", defCarousel, `[{"type":"carousel","cards":[` + card(0, cardParts) + `,` + card(1, cardParts) + `]}]`, nil},
		{"a card too few", defCarousel, `[{"type":"carousel","cards":[` + card(0, cardParts) + `]}]`, []string{"template.components 132000 the carousel has 2 cards, 1 given"}},
		{"a card twice", defCarousel, `[{"type":"carousel","cards":[` + card(1, cardParts) + `,` + card(1, cardParts) + `]}]`, []string{"template.components[0].cards[1].card_index 131009 must be the card's own position, from 0"}},
		{"a card beyond", defCarousel, `[{"type":"carousel","cards":[` + card(0, cardParts) + `,` + card(2, cardParts) + `]}]`, []string{"template.components[0].cards[1].card_index 131009 must be the card's own position, from 0"}},
		{"cards for none", defPlain, `[{"type":"carousel","cards":[` + card(0, cardParts) + `]}]`, []string{
			"template.components[0].cards[0].card_index 131009 must be the card's own position, from 0",
			"template.components 132000 cards are given, the template has no carousel"}},
		{"problems of a card", defCarousel, `[{"type":"carousel","cards":[` + card(0, cardParts) + `,` + card(1, `{"type":"body","parameters":[{"type":"text","text":"`+long(161)+`"}]}`) + `]}]`, []string{
			`template.components[0].cards[1].components 131008 button 0 ("Shop") requires a parameter: give url (what follows the fixed part of the address)`,
			`template.components[0].cards[1].components[0] 132005 the filled body has 166 characters, at most 160 are allowed`}},
		{"more products than made", defProducts, `[{"type":"carousel","cards":[` + card(0, product) + `,` + card(1, product) + `,` + card(2, product) + `]}]`, nil},
		{"a product card without product", defProducts, `[{"type":"carousel","cards":[` + card(0, product) + `,` + card(1, ``) + `]}]`, []string{"template.components[0].cards[1].components 132012 the template's header is PRODUCT, none is given"}},
		{"offer with its end", defOffer, `[{"type":"body","parameters":[` + fine + `]},{"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{"expiration_time_ms":1}}]}]`, nil},
		{"offer without", defOffer, `[{"type":"body","parameters":[` + fine + `]}]`, []string{"template.components 131008 the offer's end is missing: give components with limited_time_offer"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			format := "POSITIONAL"
			if c.def == defNamed {
				format = "NAMED"
			}
			_, err := define(t, format, c.def).Render(components(c.components))
			wantProblems(t, err, c.want)
		})
	}
}

const product = `{"type":"header","parameters":[{"type":"product","product":{"product_retailer_id":"SKU"}}]}`

func TestParamErrorIsBounded(t *testing.T) {
	values := make([]string, 5000)
	_, err := template.Unchecked("a", "en").Render(&job.Template{Params: &job.Params{Body: job.Positional(values...)}})
	if n := len(problemsOf(err)); n != len(values) {
		t.Errorf("%d problems, want %d", n, len(values))
	}
	if s := err.Error(); len(s) > 2000 || !strings.HasSuffix(s, "and 4990 more") {
		t.Errorf("message of %d bytes: %.100s", len(s), s)
	}
}
