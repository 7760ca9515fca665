package audit

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"marginledger/internal/table"
)

// String is the statement for people.
func (s *Statement) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "statement of %v, shard %d\nfrom %s to %s; folded and compared up to cut %d, record %d, hash %v\n\n", s.Account, s.Shard, s.From, s.To, s.Chain.Cut, s.Chain.N, s.Chain.Hash)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "pool\tasset\topening\tclosing\t")
	for _, h := range s.Holdings {
		fmt.Fprintf(w, "%s\t%s\t%v\t%v\t\n", h.Pool, h.Asset, h.Opening, h.Closing)
	}
	fmt.Fprintln(w, "\t\t\t\t\ncause\tasset\tamount\tlines\t")
	for _, t := range s.Totals {
		fmt.Fprintf(w, "%s\t%s\t%v\t%d\t\n", t.Cause, t.Asset, t.Amount, t.Lines)
	}
	if len(s.Markets) > 0 {
		fmt.Fprintln(w, "\t\t\t\t\nmarket\tasset\trealised PnL\tfunding\t")
	}
	for _, m := range s.Markets {
		fmt.Fprintf(w, "%s\t%s\t%v\t%v\t\n", m.Market, m.Asset, m.Realised, m.Funding)
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
	b.WriteString("\n")
	w = tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "time\tn\tevent\tcause\tpool\tmarket\tamount\tasset\tbalance\tsource")
	for i := range s.Lines {
		l := &s.Lines[i]
		fmt.Fprintf(w, "%s\t%d\t%s %s\t%s\t%s\t%s\t%v\t%s\t%v\t%s\n", l.Time, l.N, l.Type, l.Event, l.Cause, l.Pool, l.Market, l.Amount, l.Asset, l.Balance, l.Source)
		for _, f := range l.Steps {
			fmt.Fprintf(w, "%s\t%d\tFundingRate %s\t  of which\t\t\t%v\t\t\t%s\n", f.Time, f.N, f.Event, f.Amount, f.Source)
		}
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
	return b.String()
}

// WriteCSV writes the lines, with the balances before and behind them. Texts that a spreadsheet would take for a formula
// have an apostrophe in front.
func (s *Statement) WriteCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	row := func(cells ...string) {
		for i, c := range cells {
			cells[i] = table.Plain(c)
		}
		_ = w.Write(cells) // Flush tells.
	}
	row("time", "n", "cut", "source", "event", "type", "cause", "pool", "asset", "market", "amount", "balance")
	for _, h := range s.Holdings {
		row(s.From, "", "", "", "", "", "opening", h.Pool, h.Asset, "", "", h.Opening.String())
	}
	for i := range s.Lines {
		l := &s.Lines[i]
		row(l.Time, strconv.FormatUint(l.N, 10), strconv.FormatUint(l.Cut, 10), l.Source, l.Event, l.Type, l.Cause, l.Pool, l.Asset, l.Market, l.Amount.String(), l.Balance.String())
		for _, f := range l.Steps {
			row(f.Time, strconv.FormatUint(f.N, 10), "", f.Source, f.Event, "FundingRate", "of which", l.Pool, l.Asset, l.Market, f.Amount.String(), "")
		}
	}
	for _, h := range s.Holdings {
		row(s.To, "", "", "", "", "", "closing", h.Pool, h.Asset, "", "", h.Closing.String())
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
	return w.Error()
}

//go:embed statement.html
var statementPage string

var statementTemplate = template.Must(template.New("statement").Parse(statementPage))

// WriteHTML writes a page to print. It refers to nothing outside of itself.
func (s *Statement) WriteHTML(out io.Writer) error { return statementTemplate.Execute(out, s) }
