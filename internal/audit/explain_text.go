package audit

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// String is the explanation for people.
func (x *Explanation) String() string {
	var b strings.Builder
	b.WriteString(x.At.String())
	printAccount(&b, x.Account)
	x.tell(&b)
	return b.String()
}

// print writes the steps and what moved them: each term once a pool.
func (x *Explanation) tell(b *strings.Builder) {
	if x.Since > 1 {
		fmt.Fprintf(b, "\nrecords before %d were not looked at\n", x.Since)
	}
	if x.Profile != nil {
		fmt.Fprintf(b, "\nrules: %v\n", x.Profile)
	}
	for _, s := range x.Settings {
		fmt.Fprintf(b, "%s: %v\n", s.What, s.Event)
	}
	for i := range x.Pools {
		x.Pools[i].tell(b)
	}
}

func (p *ExplainedPool) tell(b *strings.Builder) {
	fmt.Fprintf(b, "\npool %s\n", p.Pool)
	if p.Missing != "" {
		fmt.Fprintf(b, "  unknown: needs %s\n", p.Missing)
		return
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	told := map[string]bool{}
	var moved []Moved
	for i := range p.Steps {
		s := &p.Steps[i]
		name := s.Figure
		if s.Market != "" {
			name = s.Market + " " + s.Leg + " " + s.Figure
		}
		var symbols []string
		for _, y := range s.Symbols {
			symbols = append(symbols, y.Name+" = "+y.Value)
		}
		fmt.Fprintf(w, "  %s\t= %v\t= %s\t%s\t%s, %s\n", name, s.Value.Number, s.Formula, strings.Join(symbols, ", "), s.Rounding, s.Section)
		for _, m := range s.Moved {
			if !told[m.What] {
				told[m.What], moved = true, append(moved, m)
			}
		}
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
	if len(moved) > 0 {
		b.WriteString("  last moved by\n")
	}
	w = tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, m := range moved {
		who := "none that is there"
		if m.Event != nil {
			who = m.Event.String()
		}
		fmt.Fprintf(w, "    %s\t%s\n", m.What, who)
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
	for i := range p.Prices {
		p.Prices[i].tell(b)
	}
}

func (x *ExplainedPrice) tell(b *strings.Builder) {
	if x.Price == nil {
		fmt.Fprintf(b, "  %s %s has no liquidation price: %s\n", x.Market, x.Leg, x.Why)
		return
	}
	fmt.Fprintf(b, "  %s %s has liquidation price %s:", x.Market, x.Leg, *x.Price)
	for i, q := range x.At {
		if i > 0 {
			b.WriteString(";")
		}
		relation := "at or above"
		if q.Liquidatable {
			relation = "below"
		}
		fmt.Fprintf(b, " at %v equity is %v, %s maintenance %v", orUnknown(q.Mark), orUnknown(q.Equity), relation, orUnknown(q.Maintenance))
	}
	b.WriteString("\n")
}

// String is the answer for people.
func (x *LiquidationWhy) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s of %v, pool %s", x.Kind, x.ID, x.Account, x.Pool)
	if x.Stage != "" {
		fmt.Fprintf(&b, ", stage %s", x.Stage)
	}
	fmt.Fprintf(&b, "\n\nwhy: %s\ntrigger: %v\n\n", x.Reason, x.Trigger)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tequity\tmaintenance\tinitial\t")
	fmt.Fprintf(w, "before\t%s\t%s\t%s\t\n", orUnknown(x.Before.Equity), orUnknown(x.Before.Maintenance), orUnknown(x.Before.Initial))
	fmt.Fprintf(w, "after\t%s\t%s\t%s\t\n", orUnknown(x.After.Equity), orUnknown(x.After.Maintenance), orUnknown(x.After.Initial))
	fmt.Fprintln(w, "\t\t\t\t\nposition\tsize\tmark\tPnL\tfunding\tmaintenance\t")
	for i, f := range []*PoolFigures{&x.Before, &x.After} {
		for _, q := range f.Positions {
			fmt.Fprintf(w, "%s %s %s\t%s\t%s\t%s\t%s\t%s\t\n", []string{"before", "after"}[i], q.Market, q.Leg, orUnknown(q.Size), orUnknown(q.Mark), orUnknown(q.Unrealised), orUnknown(q.Funding), orUnknown(q.Maintenance))
		}
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
	b.WriteString("\nany of these before it would have saved the pool from this record; each was tried, and is the least of its kind\n")
	for _, s := range x.Saved {
		fmt.Fprintf(&b, "  %s: %v %s\n", s.What, s.Amount, s.Unit)
	}
	if len(x.Saved) == 0 {
		b.WriteString("  none that was tried: more money, less of a position, a nearer mark\n")
	}
	b.WriteString("\nthe episode\n")
	w = tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, l := range x.History {
		fmt.Fprintf(w, "  %s\trecord %d\t%s\t%s\tequity %s\tmaintenance %s\t%s %s\n", l.Time, l.N, l.Kind, l.Stage, orUnknown(l.Equity), orUnknown(l.Maintenance), l.Type, l.Source)
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
	b.WriteString("\nevery term, right behind the trigger\n")
	x.Explanation.tell(&b)
	return b.String()
}
