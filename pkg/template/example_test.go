package template_test

import (
	"fmt"
	"log"
	"testing/fstest"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
)

// A folder of definitions, as the API lists them; os.DirFS in a program.
func folder() fstest.MapFS {
	return fstest.MapFS{"templates.json": {Data: []byte(`{"data": [{
		"name": "appointment_confirmation", "language": "es_AR", "status": "APPROVED",
		"category": "UTILITY", "parameter_format": "POSITIONAL",
		"components": [
			{"type": "BODY", "text": "Hola {{1}}, te esperamos el {{2}}."},
			{"type": "FOOTER", "text": "Clínica Ejemplo"},
			{"type": "BUTTONS", "buttons": [
				{"type": "QUICK_REPLY", "text": "Confirmo"},
				{"type": "QUICK_REPLY", "text": "No puedo"}]}]}]}`)}}
}

func ExampleLoadDir() {
	catalog, err := template.LoadDir(folder())
	if err != nil {
		log.Fatal(err)
	}
	_, err = catalog.Lookup("appointment_confirmation", "es")
	fmt.Println(err)
	// Output: unknown template: appointment_confirmation exists in es_AR, not in "es"; there is no fallback between languages
}

func ExampleDefinition_Render() {
	catalog, err := template.LoadDir(folder())
	if err != nil {
		log.Fatal(err)
	}
	d, err := catalog.Lookup("appointment_confirmation", "es_AR")
	if err != nil {
		log.Fatal(err)
	}
	_, err = d.Render(&job.Template{Params: &job.Params{Body: job.Positional("Emilia")}})
	fmt.Println(err)

	message, err := d.Render(&job.Template{Params: &job.Params{Body: job.Positional("Emilia", "23 de noviembre, 09:30")}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(d.Preview(message))
	// Output:
	// parameters do not fit template appointment_confirmation (es_AR): template.params.body: the body has 2 variables ({{1}}, {{2}}), 1 value given (132000)
	// Hola Emilia, te esperamos el 23 de noviembre, 09:30.
	// Clínica Ejemplo
	// [Confirmo]  [No puedo]
}

func ExampleExpressions() {
	expressions, err := template.CompileExpressions(map[string]string{
		"to":                "{{.phone}}",
		"body.1":            `{{.name | title | default "paciente"}}`,
		"body.2":            `{{.when | date "02/01 15:04"}}`,
		"buttons.0.payload": "confirm:{{.id}}",
	})
	if err != nil {
		log.Fatal(err)
	}
	params, err := expressions.Params(map[string]any{"phone": "+5491155550100", "name": "EMILIA", "when": "2026-11-23 09:30", "id": "8812"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(params.Body.List, *params.Buttons["0"].Payload)

	_, err = expressions.Params(map[string]any{"name": "EMILIA", "when": "2026-11-23"})
	fmt.Println(err)
	// Output:
	// [Emilia 23/11 09:30] confirm:8812
	// expression buttons.0.payload, line 1:11: there is no field "id"
}
