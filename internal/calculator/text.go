package calculator

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Text writes an answer as tables that a person reads.
func (a *Answer) Text(out io.Writer) error {
	t := &table{}
	t.line("%s, amounts in %s, %d digits", a.Profile, a.SettlementAsset, a.ValueScale)
	for _, b := range a.Broken {
		t.line("breaks %s: %s (%s)", b.Rule, b.Text, b.Path)
	}
	t.line("")
	t.figures(&a.Figures)
	for i := range a.Changes {
		t.line("")
		t.outcome(&a.Changes[i])
	}
	for i := range a.Explanation {
		t.step(&a.Explanation[i], i == 0)
	}
	_, err := io.WriteString(out, t.String())
	return err
}

type table struct{ strings.Builder }

func (t *table) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// rows aligns rows of cells.
func (t *table) rows(rows [][]string) {
	w := tabwriter.NewWriter(t, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(w, strings.TrimRight(strings.Join(r, "\t"), "\t"))
	}
	_ = w.Flush() // a Builder takes everything
}

func show(d Decimal) string {
	if !d.Present {
		return "-"
	}
	return d.String()
}

func yes(b *bool) string {
	switch {
	case b == nil:
		return "unknown"
	case *b:
		return "yes"
	}
	return "no"
}

func (t *table) figures(f *Figures) {
	t.rows([][]string{
		{"equity", show(f.Equity)}, {"initial", show(f.Initial)}, {"maintenance", show(f.Maintenance)}, {"orders hold", show(f.OrderMargin)},
		{"free", show(f.Free)}, {"withdrawable", show(f.Withdrawable)}, {"margin ratio", show(f.MarginRatio)}, {"liquidatable", yes(f.Liquidatable)},
	})
	if len(f.Balances) > 0 {
		rows := [][]string{{"balance", "amount", "worth"}}
		for _, b := range f.Balances {
			rows = append(rows, []string{b.Asset, show(b.Amount), show(b.Value)})
		}
		t.line("")
		t.rows(rows)
	}
	t.claims(f.Claims)
	t.line("")
	t.pools(f)
}

func (t *table) claims(claims []Claim) {
	if len(claims) == 0 {
		return
	}
	rows := [][]string{{"claimable of", "asset", "kind", "amount"}}
	for _, c := range claims {
		rows = append(rows, []string{c.Market, c.Asset, c.Kind, show(c.Amount)})
	}
	t.line("")
	t.rows(rows)
}

func (t *table) pools(f *Figures) {
	pools := append([]Pool{f.Cross}, f.Isolated...)
	rows := [][]string{{"pool", "collateral", "equity", "initial", "maintenance", "ratio", "stage"}}
	for i := range pools {
		p := &pools[i]
		collateral := "-"
		if p.Collateral != nil {
			collateral = show(*p.Collateral)
		}
		stage := p.Stage
		switch {
		case p.Unknown != "":
			stage = "unknown: " + p.Unknown
		case p.Unpriced:
			stage = "unpriced: a mark or price is missing"
		}
		rows = append(rows, []string{p.Pool, collateral, show(p.Equity), show(p.Initial), show(p.Maintenance), show(p.MarginRatio), stage})
	}
	t.rows(rows)
	rows = [][]string{{"position", "size", "entry", "mark", "pnl", "funding", "initial", "maintenance", "liquidation", "bankruptcy", "adl rank"}}
	for i := range pools {
		for j := range pools[i].Positions {
			rows = append(rows, pools[i].Positions[j].row())
		}
	}
	if len(rows) > 1 {
		t.line("")
		t.rows(rows)
	}
	t.accrued(pools)
	t.absences(pools)
	for i := range pools {
		if w := pools[i].Worst; w != nil {
			t.worst(pools[i].Pool, w)
		}
	}
}

func (p *Position) row() []string {
	liquidation := show(p.LiquidationPrice)
	if p.NoLiquidationPrice != "" {
		liquidation = p.NoLiquidationPrice
	}
	return []string{p.name(), show(p.Size), show(p.EntryPrice), show(p.Mark), show(p.UnrealisedPnL), show(p.UnpostedFunding), show(p.Initial),
		show(p.Maintenance), liquidation, orWhy(p.BankruptcyPrice, p.NoBankruptcyPrice), orWhy(p.ADLRank, p.NoADLRank)}
}

func (p *Position) name() string {
	name := p.Market
	if p.Leg != "net" {
		name += "/" + p.Leg
	}
	if p.Collateral != "" {
		name += "/" + p.Collateral
	}
	return name
}

// orWhy shows a figure, or in a word why there is none; sentences stand below the table.
func orWhy(d Decimal, why string) string {
	if d.Present || strings.ContainsRune(why, ' ') || why == "" {
		return show(d)
	}
	return why
}

// accrued shows what positions owe beside funding, and what they have received, where the venue has that.
func (t *table) accrued(pools []Pool) {
	owed := [][]string{{"position", "borrowing", "closing fee", "closing impact"}}
	received := [][]string{{"received by", "asset", "kind", "amount"}}
	for i := range pools {
		for j := range pools[i].Positions {
			p := &pools[i].Positions[j]
			if p.UnpostedBorrowing != nil {
				owed = append(owed, []string{p.name(), show(*p.UnpostedBorrowing), show(*p.ClosingFee), show(*p.ClosingImpact)})
			}
			for _, c := range p.UnpostedClaims {
				received = append(received, []string{p.name(), c.Asset, c.Kind, show(c.Amount)})
			}
		}
	}
	for _, rows := range [...][][]string{owed, received} {
		if len(rows) > 1 {
			t.line("")
			t.rows(rows)
		}
	}
}

// absences says of each figure once why the venue has none.
func (t *table) absences(pools []Pool) {
	var said []string
	for i := range pools {
		for j := range pools[i].Positions {
			p := &pools[i].Positions[j]
			for _, x := range [...]struct{ figure, why string }{{"bankruptcy", p.NoBankruptcyPrice}, {"adl rank", p.NoADLRank}} {
				if text := "no " + x.figure + ": " + x.why; strings.ContainsRune(x.why, ' ') && !slices.Contains(said, text) {
					said = append(said, text)
				}
			}
		}
	}
	if said != nil {
		t.line("")
	}
	for _, text := range said {
		t.line("%s", text)
	}
}

func (t *table) worst(pool string, w *Worst) {
	t.line("")
	t.line("worst scenario of %s: %s, weight %s, loses %s; offsets %s, contingency %s", pool, w.Name, show(w.Weight), show(w.Loss), show(w.Offsets), show(w.Contingency))
	var rows [][]string
	for _, l := range w.Losses {
		rows = append(rows, []string{"  " + l.Market + l.Asset, show(l.Loss)})
	}
	t.rows(rows)
}

func (t *table) outcome(o *Outcome) {
	verdict := "the venue accepts it"
	switch {
	case o.kind == ChangePrice && o.Accepted:
		verdict = "then"
	case !o.Applied:
		verdict = "cannot be: nothing changes"
	case !o.Accepted:
		verdict = "the venue refuses it; were it done all the same:"
	}
	t.line("%s: %s", o.Change, verdict)
	for _, b := range o.Broken {
		t.line("  %s: %s", b.Rule, b.Text)
	}
	if o.Fee != nil {
		t.line("  fee %s", show(*o.Fee))
	}
	for _, a := range o.Announcements {
		text := "  " + a.Kind + " of " + a.Pool
		if a.Level != nil {
			text += ", level " + show(*a.Level)
		}
		if a.Stage != "" {
			text += ", stage " + a.Stage
		}
		t.line("%s", text)
	}
	b, f := &o.Before, &o.After
	t.rows([][]string{
		{"", "before", "after"}, {"equity", show(b.Equity), show(f.Equity)}, {"initial", show(b.Initial), show(f.Initial)},
		{"maintenance", show(b.Maintenance), show(f.Maintenance)}, {"free", show(b.Free), show(f.Free)},
		{"withdrawable", show(b.Withdrawable), show(f.Withdrawable)}, {"liquidatable", yes(b.Liquidatable), yes(f.Liquidatable)},
	})
	t.claims(f.Claims)
	t.line("")
	t.pools(f)
}

func (t *table) step(s *PoolStep, first bool) {
	if first {
		t.line("")
	}
	place := s.Pool
	if s.Market != "" && s.Pool == "cross" {
		place = s.Market
		if s.Leg != "net" {
			place += "/" + s.Leg
		}
	}
	t.line("%s %s = %s", place, s.Figure, show(s.Value))
	t.line("    %s  [%s, %s]", s.Formula, s.Rounding, s.Section)
	for _, y := range s.Symbols {
		t.line("    %s: %s", y.Name, y.Value)
	}
}
