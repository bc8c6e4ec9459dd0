package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/producer"
)

func newSuppressionImport() *cobra.Command {
	o := new(suppressionOptions)
	var column, country string
	c := &cobra.Command{
		Use: "import FILE", Short: "Records the opt-outs of a list", Args: oneArg("the file, or - for standard input"),
		Long: `Records that everybody in a list opted out. The file holds a number a line, or is CSV
with a header: then --column says which column holds the numbers, where it is not called
number, phone, to, msisdn or wa_id. Numbers have + and the country code, except in a
column wa_id; --region completes national ones. A business-scoped user id may stand in
the place of a number.

A line that is no number is reported with its number, and all the others go. Importing a
list again is safe. Exit code 3 says that some lines were no numbers.`,
		Example: `  wacast suppression import stop-list.csv --column mobile --region AR`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			r := &listReader{column: column}
			if country != "" {
				region, err := newRegion(country)
				if err != nil {
					return usageError{err}
				}
				r.region = region
			}
			return importList(cmd, args[0], r, o.optOut(recipient.Import))
		},
	}
	o.flags(c)
	c.Flags().StringVar(&column, "column", "", "column of the numbers")
	c.Flags().StringVar(&country, "region", "", "country of national numbers, such as AR")
	return c
}

func importList(cmd *cobra.Command, name string, r *listReader, out recipient.OptOut) error {
	in := input(cmd)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return usageError{err}
		}
		defer f.Close()
		in = f
	}
	op, err := openOperator(cmd)
	if err != nil {
		return err
	}
	defer op.Close()
	people := make(chan recipient.Person, 1024)
	read := make(chan error, 1)
	go func() {
		defer close(people)
		read <- r.read(in, people, func(line int, err error) { fmt.Fprintf(cmd.ErrOrStderr(), "line %d: %v\n", line, err) })
	}()
	sum, err := op.Import(cmd.Context(), people, out)
	for range people { // an import that has failed leaves some
	}
	if err = errors.Join(err, <-read); err != nil {
		return hintError{err, "what was imported stays; import the same list again to go on"}
	}
	if err := printImported(cmd, sum, r.bad); err != nil {
		return err
	}
	if r.bad > 0 {
		return exitError(exitPartial)
	}
	return nil
}

func printImported(cmd *cobra.Command, sum app.Imported, bad int) error {
	if jsonOutput(cmd) {
		return printJSON(cmd, struct {
			app.Imported
			Bad int `json:"bad"`
		}{sum, bad})
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s opted out, %d of them were before; %s no number\n",
		count(sum.Added+sum.Known, "recipient"), sum.Known, plural(bad, "line holds", "lines hold"))
	return err
}

// listReader reads the people of a list.
type listReader struct {
	column string
	region region // empty for none
	at     int
	waID   bool
	bad    int
}

// read sends everybody in the list, and reports the lines that name nobody.
func (r *listReader) read(in io.Reader, people chan<- recipient.Person, report func(line int, err error)) error {
	rows := csv.NewReader(in)
	rows.FieldsPerRecord, rows.ReuseRecord, rows.LazyQuotes = -1, true, true
	for first := true; ; first = false {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the list: %w", err)
		}
		if first {
			row[0] = strings.TrimPrefix(row[0], "\ufeff")
			header, err := r.header(row)
			if err != nil {
				return err
			}
			if header {
				continue
			}
		}
		p, err := r.person(row)
		if err != nil {
			r.bad++
			line, _ := rows.FieldPos(0)
			report(line, err)
			continue
		}
		people <- p
	}
}

// header finds the column, and reports whether the row is a header.
func (r *listReader) header(row []string) (bool, error) {
	for i, name := range row {
		name = strings.TrimSpace(name)
		usual := slices.Contains([]string{"number", "phone", "to", "msisdn", "wa_id", "user_id"}, strings.ToLower(name))
		if r.column != "" && name == r.column || r.column == "" && usual {
			r.at, r.waID = i, strings.EqualFold(name, "wa_id")
			return true, nil
		}
	}
	if r.column != "" {
		return false, usageError{fmt.Errorf("--column: the list has no column %q", r.column)}
	}
	return false, nil
}

// isUserID reports whether a text has the form of a business-scoped user id.
func isUserID(text string) bool {
	country, id, found := strings.Cut(text, ".")
	return found && id != "" && len(country) == 2 && country >= "AA" && country <= "ZZ" && !strings.ContainsAny(text, " -/()+")
}

func (r *listReader) person(row []string) (recipient.Person, error) {
	if r.at >= len(row) {
		return recipient.Person{}, errors.New("has no such column")
	}
	text := strings.TrimSpace(row[r.at])
	if isUserID(text) {
		return recipient.Person{UserID: text}, nil
	}
	if r.waID && !strings.HasPrefix(text, "+") {
		text = "+" + text
	}
	number := producer.Number
	if r.region != "" {
		number = func(text string) (job.Phone, error) { return r.region.number(text) }
	}
	to, err := number(text)
	return recipient.Person{Number: string(to)}, err
}
