package audit

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// String is the answer for people.
func (w *WhatIf) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "what if, mode %s\n", w.Mode)
	for _, c := range w.Changes {
		fmt.Fprintf(&b, "  %s\n", c)
	}
	b.WriteString("assumed\n")
	for _, a := range w.Assumptions {
		fmt.Fprintf(&b, "  - %s\n", a)
	}
	for i := range w.Cuts {
		b.WriteString(w.Cuts[i].String())
	}
	for i := range w.Answers {
		w.Answers[i].write(&b)
	}
	return b.String()
}

func (o *Outcome) write(b *strings.Builder) {
	b.WriteString("\n")
	if o.Profile != "" {
		fmt.Fprintf(b, "under %s\n", o.Profile)
	}
	for _, a := range o.Assumed {
		fmt.Fprintf(b, "  assumed: %s\n", a)
	}
	for _, u := range o.Unused {
		fmt.Fprintf(b, "  changed nothing: %s\n", u)
	}
	if o.Unknown != "" {
		fmt.Fprintf(b, "  unknown: %s (%s)\n", o.Unknown, o.Reason)
		return
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "pools\thappened\twould have\tonly happened\tonly would have\tearlier\tlater\t")
	for _, c := range o.Counts {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", c.Status, c.Happened, c.Would, c.OnlyThen, c.OnlyIf, c.Earlier, c.Later)
	}
	if m := o.Money; m != nil && len(m.Assets) > 0 {
		fmt.Fprintln(w, "\t\t\t\t\t\t\nmoney\thappened\twould have\t\t\t\t\t")
		for i := range m.Assets {
			x := &m.Assets[i]
			fmt.Fprintf(w, "liquidation fees, %s\t%v\t%v\t\t\t\t\t\n", x.Asset, x.Happened.Fees, x.Would.Fees)
			fmt.Fprintf(w, "insurance paid, %s\t%v\t%v\t\t\t\t\t\n", x.Asset, x.Happened.Insurance, x.Would.Insurance)
			fmt.Fprintf(w, "bad debt left, %s\t%v\t%v\t\t\t\t\t\n", x.Asset, x.Happened.BadDebt, x.Would.BadDebt)
		}
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
	if m := o.Money; m != nil {
		fmt.Fprintf(b, "%d episodes closed at the mark (%d facts of closings could not be applied); %d fills of liquidations that would not have been dropped; "+
			"%d fills and %d funding payments of closed pools ignored; %d covers dropped; %d episodes open at the end\n",
			m.Closed, m.Failed, m.DroppedFills, m.IgnoredFills, m.Payments, m.Covers, m.Open)
	}
	for _, f := range o.Refused {
		fmt.Fprintf(b, "  %d %s could not be applied: %s, first %s\n", f.Count, f.Type, f.Reason, f.First)
	}
	o.writePools(b)
}

func (o *Outcome) writePools(b *strings.Builder) {
	if len(o.Pools) == 0 {
		b.WriteString("every pool came to the same, at the same records\n")
		return
	}
	const few = 40
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "account\tpool\tstatus\thappened\twould have")
	for i := range o.Pools {
		if i == few {
			fmt.Fprintf(w, "… and %d more pools\n", len(o.Pools)-few)
			break
		}
		p := &o.Pools[i]
		for j, pair := range [3][2]*StatusAt{{p.Happened.Called, p.Would.Called}, {p.Happened.Liquidated, p.Would.Liquidated}, {p.Happened.Bankrupt, p.Would.Bankrupt}} {
			if pair[0] == nil && pair[1] == nil || pair[0] != nil && pair[1] != nil && pair[0].N == pair[1].N {
				continue
			}
			fmt.Fprintf(w, "%v\t%s\t%s\t%v\t%v\n", p.Account, p.Pool, o.Counts[j].Status, pair[0], pair[1])
		}
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
}

// String is the change of a status for people.
func (s *StatusAt) String() string {
	if s == nil {
		return "not"
	}
	return fmt.Sprintf("record %d at %s, equity %s of %s", s.N, s.Time, orUnknown(s.Equity), orUnknown(s.Maintenance))
}
