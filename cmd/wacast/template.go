package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/pkg/whatsapp"
)

func newTemplate() *cobra.Command {
	c := group("template", "Lists, shows, pulls and tries template definitions",
		newTemplateLs(), newTemplateShow(), newTemplatePull(), newTemplateLint(), newTemplateRender())
	c.PersistentFlags().String("account", "", "WhatsApp Business Account, where the settings have several")
	return c
}

func newTemplateLs() *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "Lists the definitions in the folder", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			catalog, err := openTemplates(cmd)
			if err != nil {
				return err
			}
			if jsonOutput(cmd) {
				return printJSON(cmd, rows(catalog.All()))
			}
			return printTemplates(cmd.OutOrStdout(), rows(catalog.All()))
		},
	}
}

func newTemplateShow() *cobra.Command {
	var language string
	c := &cobra.Command{
		Use: "show NAME", Short: "Shows a template with its variables, in all languages or one", Args: oneArg("the template's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			catalog, err := openTemplates(cmd)
			if err != nil {
				return err
			}
			defs, err := named(catalog, args[0], language)
			if err != nil {
				return err
			}
			if jsonOutput(cmd) {
				return printJSON(cmd, rows(defs))
			}
			return printDefinitions(cmd.OutOrStdout(), rows(defs))
		},
	}
	c.Flags().StringVar(&language, "language", "", "exact language code, such as es_AR")
	return c
}

func newTemplatePull() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "pull", Short: "Writes the API's list of templates into the folder", Args: noArgs,
		Long: `Writes the API's list of templates into the folder of definitions, in a file named
after the account, and says what has changed. Other files stay as they are; it is
an error if one of them defines the same template. Workers read the folder when
they start.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runPull(cmd, force) },
	}
	c.Flags().BoolVar(&force, "force", false, "write an empty list too")
	return c
}

func runPull(cmd *cobra.Command, force bool) error {
	cfg, err := settings(cmd)
	if err != nil {
		return err
	}
	pull, err := app.PullTemplates(cmd.Context(), cfg, accountFlag(cmd), force)
	if err != nil {
		return templateError(err)
	}
	for _, wrong := range pull.LeftOut {
		fmt.Fprintln(cmd.ErrOrStderr(), "wacast: warning: left out:", wrong)
	}
	if jsonOutput(cmd) {
		return printJSON(cmd, pull)
	}
	out := cmd.OutOrStdout()
	printMarked(out, "+", pull.Added)
	printMarked(out, "-", pull.Removed)
	printMarked(out, "~", pull.Changed)
	_, err = fmt.Fprintf(out, "%s in %s\n", count(pull.Templates, "template"), pull.File)
	return err
}

func printMarked(out io.Writer, mark string, list []string) {
	for _, s := range list {
		fmt.Fprintln(out, mark, s)
	}
}

func newTemplateRender() *cobra.Command {
	var language string
	var params, vars []string
	c := &cobra.Command{
		Use: "render NAME", Short: "Shows one message as its recipient would read it", Args: oneArg("the template's name"),
		Long: `Shows one message as its recipient would read it, and checks its parameters as a
worker does. With -o json it also prints what would be sent.

  wacast template render order_ready --language en --param body.1=Emilia --param buttons.0.url=A-17
  wacast template render order_ready --language en --param 'body.1={{.name}}' --var name=Emilia`,
		RunE: func(cmd *cobra.Command, args []string) error {
			catalog, err := openTemplates(cmd)
			if err != nil {
				return err
			}
			defs, err := named(catalog, args[0], language)
			if err != nil {
				return err
			}
			if len(defs) > 1 {
				return usageError{hintError{fmt.Errorf("%s has %d languages", args[0], len(defs)), "choose one with --language"}}
			}
			return runRender(cmd, defs[0], params, vars)
		},
	}
	c.Flags().StringVar(&language, "language", "", "exact language code, where the template has several")
	c.Flags().StringArrayVar(&params, "param", nil, "a parameter: body.1=…, body.name=…, header.text=…, header.image.link=…, buttons.0.url=…; may be an expression")
	c.Flags().StringArrayVar(&vars, "var", nil, "a value for expressions: name=…")
	return c
}

func runRender(cmd *cobra.Command, d *template.Definition, params, vars []string) error {
	message, err := render(d, params, vars)
	if err != nil {
		return err
	}
	preview := d.Preview(message)
	if jsonOutput(cmd) {
		sent := whatsapp.Message{Template: message}.AppendJSON(nil)
		var whole struct {
			Template json.RawMessage `json:"template"`
		}
		if err := json.Unmarshal(sent, &whole); err != nil {
			return err
		}
		return printJSON(cmd, struct {
			Preview  string          `json:"preview"`
			Template json.RawMessage `json:"template"`
		}{preview, whole.Template})
	}
	_, err = io.WriteString(cmd.OutOrStdout(), preview)
	return err
}

// render fills the template as a worker does.
func render(d *template.Definition, params, vars []string) (whatsapp.Template, error) {
	sources, err := assignments("--param", params)
	if err != nil {
		return whatsapp.Template{}, err
	}
	row, err := assignments("--var", vars)
	if err != nil {
		return whatsapp.Template{}, err
	}
	expressions, err := template.CompileExpressions(sources)
	if err != nil {
		return whatsapp.Template{}, usageError{err}
	}
	values := make(map[string]any, len(row))
	for k, v := range row {
		values[k] = v
	}
	filled, err := expressions.Params(values)
	if err != nil {
		return whatsapp.Template{}, hintError{err, "give the value with --var NAME=VALUE"}
	}
	message, err := d.Render(&job.Template{Name: d.Name(), Language: d.Language(), Params: filled})
	if err != nil {
		return message, hintError{err, "wacast template show " + d.Name() + " shows what it needs"}
	}
	return message, nil
}

// assignments reads KEY=VALUE, each key once.
func assignments(flag string, list []string) (map[string]string, error) {
	out := make(map[string]string, len(list))
	for _, s := range list {
		key, value, ok := strings.Cut(s, "=")
		if !ok || key == "" {
			return nil, usageError{fmt.Errorf("%s: %q is not KEY=VALUE", flag, s)}
		}
		if _, twice := out[key]; twice {
			return nil, usageError{fmt.Errorf("%s: %s is given twice", flag, key)}
		}
		out[key] = value
	}
	return out, nil
}

// templateRow is a definition as it is listed.
type templateRow struct {
	Name     string `json:"name"`
	Language string `json:"language"`
	Status   string `json:"status"`
	Category string `json:"category"`
	ID       string `json:"id,omitempty"`
	// Text is the message with its variables left open.
	Text string `json:"text"`
}

func rows(defs []*template.Definition) []templateRow {
	list := make([]templateRow, len(defs))
	for i, d := range defs {
		list[i] = templateRow{d.Name(), d.Language(), d.Status(), d.Category(), d.ID(), d.Preview(whatsapp.Template{})}
	}
	return list
}

func printTemplates(out io.Writer, list []templateRow) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tLANGUAGE\tSTATUS\tCATEGORY\tTEXT")
	for _, t := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.Name, t.Language, t.Status, t.Category, oneLine(t.Text))
	}
	return w.Flush()
}

// oneLine is the beginning of a text.
func oneLine(s string) string {
	const most = 60
	words := []rune(strings.Join(strings.Fields(s), " "))
	if len(words) <= most {
		return string(words)
	}
	return string(words[:most-1]) + "…"
}

func printDefinitions(out io.Writer, list []templateRow) error {
	for i, t := range list {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s (%s), %s, %s\n\n", t.Name, t.Language, t.Category, t.Status)
		for line := range strings.Lines(t.Text) {
			fmt.Fprint(out, "  ", line)
		}
	}
	return nil
}

func accountFlag(cmd *cobra.Command) string {
	account, _ := cmd.Flags().GetString("account")
	return account
}

// openTemplates reads the folder of the account that is meant.
func openTemplates(cmd *cobra.Command) (*template.Catalog, error) {
	cfg, err := settings(cmd)
	if err != nil {
		return nil, err
	}
	catalog, _, err := app.OpenTemplates(cfg, accountFlag(cmd))
	if err != nil {
		return nil, templateError(err)
	}
	return catalog, nil
}

// named are the definitions of a template in one language, or in all it has.
func named(catalog *template.Catalog, name, language string) ([]*template.Definition, error) {
	const hint = "wacast template ls lists them; wacast template pull takes the API's"
	if language != "" {
		d, err := catalog.Lookup(name, language)
		if err != nil {
			return nil, hintError{err, hint}
		}
		return []*template.Definition{d}, nil
	}
	var defs []*template.Definition
	for _, d := range catalog.All() {
		if d.Name() == name {
			defs = append(defs, d)
		}
	}
	if len(defs) == 0 {
		return nil, hintError{fmt.Errorf("%w: %q", template.ErrUnknown, name), hint}
	}
	return defs, nil
}

// templateError adds what to do.
func templateError(err error) error {
	switch {
	case errors.Is(err, app.ErrNoFolder):
		return usageError{hintError{err, "make a folder and name it with --templates or WACAST_TEMPLATES"}}
	case errors.Is(err, app.ErrChooseAccount):
		return usageError{hintError{err, "name one with --account"}}
	case errors.Is(err, app.ErrNoTemplates):
		return hintError{err, "the folder is left as it is; --force empties the account's file"}
	case errors.Is(err, app.ErrDefinedTwice):
		return hintError{err, "remove them there, or give each account a folder of its own"}
	}
	var refused *whatsapp.Error
	if errors.As(err, &refused) {
		return hintError{err, "wacast check looks at token and account"}
	}
	return err
}
