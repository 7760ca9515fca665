package calculator

import (
	"io"

	"github.com/shopspring/decimal"
)

// Text writes a comparison as tables that a person reads.
func (c *Comparison) Text(out io.Writer) error {
	t := &table{}
	rows := [][]string{{"profile", "equity", "initial", "maintenance", "cushion", "liquidatable", ""}}
	for i := range c.Venues {
		v := &c.Venues[i]
		if v.ComparedFigures == nil {
			rows = append(rows, []string{v.Profile, "-", "-", "-", "-", "-", "unknown: " + v.Unknown})
			continue
		}
		rows = append(rows, []string{v.Profile, show(v.Equity), show(v.Initial), show(v.Maintenance), show(v.Cushion), yes(v.Liquidatable), v.SettlementAsset})
	}
	t.rows(rows)
	rows = [][]string{{"profile", "pool", "position", "size", "price", "liquidation", "distance"}}
	for i := range c.Venues {
		v := &c.Venues[i]
		if v.ComparedFigures == nil {
			continue
		}
		for j := range v.Positions {
			p := &v.Positions[j]
			liquidation, distance := show(p.LiquidationPrice), "-"
			if p.NoLiquidationPrice != "" {
				liquidation = p.NoLiquidationPrice
			}
			if p.Distance.Present {
				distance = p.Distance.Decimal().Mul(decimal.NewFromInt(100)).String() + " %"
			}
			rows = append(rows, []string{v.Profile, p.Pool, p.Market, show(p.Size), show(p.Price), liquidation, distance})
		}
	}
	if len(rows) > 1 {
		t.line("")
		t.rows(rows)
	}
	for i := range c.Venues {
		v := &c.Venues[i]
		if v.Reason != "" {
			t.line("")
			t.line("%s: %s", v.Profile, v.Reason)
		}
		if v.ComparedFigures != nil {
			for _, b := range v.Broken {
				t.line("")
				t.line("%s breaks %s: %s (%s)", v.Profile, b.Rule, b.Text, b.Path)
			}
		}
	}
	_, err := io.WriteString(out, t.String())
	return err
}
