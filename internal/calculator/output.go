package calculator

import (
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector"
	"marginledger/projector/margin"
)

// Answer is the output document. Amounts are in the settlement asset, decimals are strings, and null is what is
// unknown or does not exist.
type Answer struct {
	Profile         string   `json:"profile"` // name@version
	SettlementAsset string   `json:"settlementAsset"`
	ValueScale      uint32   `json:"valueScale"`
	Broken          []Broken `json:"broken"` // rules that the portfolio as it is given breaks
	Figures
	Changes []Outcome `json:"changes,omitempty"`
}

// Broken is a rule that something broke, or the reason why something could not be applied.
type Broken struct {
	Rule string `json:"rule"`
	Text string `json:"text"`
	Path string `json:"path,omitempty"` // in the input document
}

// Figures are those of the account. Sums are of all of its pools: null where one of them is unknown.
type Figures struct {
	Equity       Decimal    `json:"equity"`
	Initial      Decimal    `json:"initialMargin"`
	Maintenance  Decimal    `json:"maintenanceMargin"`
	OrderMargin  Decimal    `json:"orderMargin"`
	Free         Decimal    `json:"free"`         // cross equity − initial − order margin; negative: short of it
	Withdrawable Decimal    `json:"withdrawable"` // ≥ 0
	Liquidatable *bool      `json:"liquidatable"` // one of the pools; null: unknown
	Balances     []Balance  `json:"balances"`
	Cross        Pool       `json:"cross"`
	Isolated     []Pool     `json:"isolated"`
	Explanation  []PoolStep `json:"explanation,omitempty"`
}

// Balance is one of the cross pool.
type Balance struct {
	Asset  string  `json:"asset"`
	Amount Decimal `json:"amount"`
	Value  Decimal `json:"value"` // haircut taken; null: no price
}

// Pool is the unit of equity, requirement and liquidation.
type Pool struct {
	Pool         string     `json:"pool"`
	Unknown      string     `json:"unknown,omitempty"` // "needs PoolState": figures are null
	Unpriced     bool       `json:"unpriced,omitempty"`
	Collateral   *Decimal   `json:"collateral,omitempty"`
	Equity       Decimal    `json:"equity"`
	Initial      Decimal    `json:"initialMargin"`
	Maintenance  Decimal    `json:"maintenanceMargin"`
	MarginRatio  Decimal    `json:"marginRatio"` // maintenance / equity, 6 digits, half up: for display
	Liquidatable *bool      `json:"liquidatable"`
	Stage        string     `json:"stage"` // none, partial, full, backstop or bankrupt
	CallLevels   []Decimal  `json:"callLevels"`
	Positions    []Position `json:"positions"`
	Worst        *Worst     `json:"worstScenario,omitempty"`
}

// Position is an open position.
type Position struct {
	Market                     string   `json:"market"`
	Leg                        string   `json:"leg"`
	Collateral                 string   `json:"collateral,omitempty"` // asset of its own collateral, where that is not the settlement asset
	Size                       Decimal  `json:"size"`
	EntryPrice                 Decimal  `json:"entryPrice"`
	Mark                       Decimal  `json:"mark"`
	Notional                   Decimal  `json:"notional"`
	UnrealisedPnL              Decimal  `json:"unrealisedPnl"`
	UnpostedFunding            Decimal  `json:"unpostedFunding"`
	Initial                    Decimal  `json:"initialMargin"`
	Maintenance                Decimal  `json:"maintenanceMargin"`
	Tier                       uint32   `json:"tier"`
	LiquidationPrice           Decimal  `json:"liquidationPrice"`
	NoLiquidationPrice         string   `json:"noLiquidationPrice,omitempty"` // liquidatable, none or unknown
	LiquidationPriceUnderlying Decimal  `json:"liquidationPriceUnderlying"`
	BankruptcyPrice            Decimal  `json:"bankruptcyPrice"`
	ADLRank                    Decimal  `json:"adlRank"` // the greatest is closed first; 9 digits, half up
	CloseSize                  *Decimal `json:"closeSize,omitempty"`
	LiquidationFee             *Decimal `json:"liquidationFee,omitempty"`
}

// Worst is the scenario that decides a requirement.
type Worst struct {
	Name        string    `json:"name"`
	Weight      Decimal   `json:"weight"`      // share of the loss that counts
	Loss        Decimal   `json:"loss"`        // offsets and weight taken
	Offsets     Decimal   `json:"offsets"`     // that gains of other groups took off, before the weight
	Contingency Decimal   `json:"contingency"` // that the requirement adds
	Losses      []LegLoss `json:"losses"`      // before the weight
}

// LegLoss is what a position or balance loses; negative: gains.
type LegLoss struct {
	Market string  `json:"market,omitempty"`
	Leg    string  `json:"leg,omitempty"`
	Asset  string  `json:"asset,omitempty"`
	Loss   Decimal `json:"loss"`
}

// Outcome is what a change did. One that could not be applied leaves all as it was.
type Outcome struct {
	kind          string
	Change        string         `json:"change"`   // as a flag
	Accepted      bool           `json:"accepted"` // the venue's rules allow it
	Applied       bool           `json:"applied"`
	Broken        []Broken       `json:"broken"`
	Fee           *Decimal       `json:"fee,omitempty"` // of an order
	Before        Summary        `json:"before"`
	After         Figures        `json:"after"`
	Announcements []Announcement `json:"announcements"`
}

// Summary is what Figures begins with.
type Summary struct {
	Equity       Decimal `json:"equity"`
	Initial      Decimal `json:"initialMargin"`
	Maintenance  Decimal `json:"maintenanceMargin"`
	Free         Decimal `json:"free"`
	Withdrawable Decimal `json:"withdrawable"`
	Liquidatable *bool   `json:"liquidatable"`
}

// Announcement is what the ledger would announce.
type Announcement struct {
	Kind  string   `json:"kind"`
	Pool  string   `json:"pool"`
	Level *Decimal `json:"level,omitempty"`
	Stage string   `json:"stage,omitempty"`
}

// PoolStep is a step of an explanation.
type PoolStep struct {
	Pool     string       `json:"pool"`
	Market   string       `json:"market,omitempty"`
	Leg      string       `json:"leg,omitempty"`
	Figure   string       `json:"figure"`
	Value    Decimal      `json:"value"`
	Formula  string       `json:"formula"`
	Symbols  []StepSymbol `json:"symbols,omitempty"`
	Rounding string       `json:"rounding"`
	Section  string       `json:"section"` // of the venue's page
}

// StepSymbol is a symbol of a formula.
type StepSymbol struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Decimal is a number as a JSON string; absent: null.
type Decimal struct{ events.Number }

// MarshalJSON implements json.Marshaler.
func (d Decimal) MarshalJSON() ([]byte, error) {
	if !d.Present {
		return []byte("null"), nil
	}
	return append(d.Append([]byte{'"'}), '"'), nil
}

func dec(n events.Number) Decimal { return Decimal{n} }

func optional(n events.Number) *Decimal {
	if !n.Present {
		return nil
	}
	return &Decimal{n}
}

// figures are those of the account as it is now.
func (w *world) figures(explain bool) Figures {
	a := w.shard.Account(w.venue, w.owner, w.portfolio.Subaccount)
	xs := w.shard.Explain(w.venue, w.owner, w.portfolio.Subaccount)
	f := Figures{OrderMargin: dec(a.OrderMargin), Free: dec(a.Free), Withdrawable: dec(a.Withdrawable), Balances: []Balance{}, Isolated: []Pool{}}
	for _, b := range a.Balances {
		f.Balances = append(f.Balances, Balance{b.Asset, dec(b.Amount), dec(b.Value)})
	}
	f.Cross = poolOf(&a.Pools[0], &xs[0])
	for i := 1; i < len(a.Pools); i++ {
		f.Isolated = append(f.Isolated, poolOf(&a.Pools[i], &xs[i]))
	}
	if xs[0].Missing != "" {
		f.OrderMargin, f.Free, f.Withdrawable = Decimal{}, Decimal{}, Decimal{}
	}
	f.sum()
	if explain {
		for i := range xs {
			f.Explanation = append(f.Explanation, steps(&xs[i])...)
		}
	}
	return f
}

// sum adds up the pools. One that is liquidatable decides; else one that is unknown does.
func (f *Figures) sum() {
	liquidatable, unknown := false, false
	add := func(p *Pool) {
		f.Equity, f.Initial, f.Maintenance = plus(f.Equity, p.Equity), plus(f.Initial, p.Initial), plus(f.Maintenance, p.Maintenance)
		liquidatable = liquidatable || p.Liquidatable != nil && *p.Liquidatable
		unknown = unknown || p.Liquidatable == nil
	}
	zero := f.Cross.Equity
	zero.Coef = fixed.Int128{}
	f.Equity, f.Initial, f.Maintenance = zero, zero, zero
	add(&f.Cross)
	for i := range f.Isolated {
		add(&f.Isolated[i])
	}
	if liquidatable || !unknown {
		f.Liquidatable = &liquidatable
	}
}

// plus adds amounts of one scale; absent with anything is absent.
func plus(a, b Decimal) Decimal {
	if !a.Present || !b.Present {
		return Decimal{}
	}
	a.Coef = a.Coef.Add(b.Coef)
	return a
}

func poolOf(p *projector.PoolFigures, x *projector.PoolExplanation) Pool {
	out := Pool{Pool: p.Pool, Unpriced: x.Unpriced, Collateral: optional(p.Collateral), Stage: x.Stage.String(), CallLevels: []Decimal{}, Positions: []Position{}}
	for i := range p.Positions {
		out.Positions = append(out.Positions, positionOf(&p.Positions[i], x, i))
	}
	if x.Missing != "" {
		out.Unknown = "needs " + x.Missing
		return out
	}
	out.Equity, out.Initial, out.Maintenance, out.MarginRatio = dec(p.Equity), dec(p.Initial), dec(p.Maintenance), dec(p.MarginRatio)
	if !x.Unpriced {
		liquidatable := x.Stage != events.StageNone
		out.Liquidatable = &liquidatable
	}
	for _, l := range p.Calls {
		out.CallLevels = append(out.CallLevels, dec(l))
	}
	if w := &p.Worst; w.Name != "" {
		out.Worst = &Worst{Name: w.Name, Weight: dec(w.Weight), Loss: dec(w.Loss), Offsets: dec(w.Offsets), Contingency: dec(w.Contingency), Losses: []LegLoss{}}
		for _, l := range w.Losses {
			loss := LegLoss{Market: l.Market, Asset: l.Asset, Loss: dec(l.Loss)}
			if l.Market != "" {
				loss.Leg = l.Leg.String()
			}
			out.Worst.Losses = append(out.Worst.Losses, loss)
		}
	}
	return out
}

func positionOf(p *projector.PositionReport, x *projector.PoolExplanation, i int) Position {
	out := Position{Market: p.Market, Leg: p.Leg.String(), Collateral: p.Collateral, Size: dec(p.Size), EntryPrice: dec(p.EntryPrice),
		Mark: dec(p.Mark), NoLiquidationPrice: p.NoLiquidationPrice}
	if x.Missing != "" {
		return out
	}
	out.Notional, out.UnrealisedPnL, out.UnpostedFunding = dec(p.Notional), dec(p.UnrealisedPnL), dec(p.UnpostedFunding)
	out.Initial, out.Maintenance, out.Tier = dec(p.Initial), dec(p.Maintenance), p.Tier
	out.LiquidationPrice, out.LiquidationPriceUnderlying = dec(p.LiquidationPrice), dec(p.LiquidationPriceUnderlying)
	out.BankruptcyPrice, out.ADLRank = dec(p.BankruptcyPrice), rank(x.Ranks[i])
	if x.CloseSize != nil {
		out.CloseSize, out.LiquidationFee = optional(x.CloseSize[i]), optional(x.Fees[i])
	}
	return out
}

// rankDigits are those of a rank after the point.
const rankDigits = 9

func rank(r *big.Rat) Decimal {
	if r == nil {
		return Decimal{}
	}
	n, err := events.ParseNumber(margin.Rounded(r, rankDigits, margin.HalfUp).FloatString(rankDigits))
	if err != nil {
		return Decimal{} // past any use: more than 38 digits
	}
	return dec(n)
}

func steps(x *projector.PoolExplanation) (out []PoolStep) {
	for i := range x.Steps {
		s := &x.Steps[i]
		p := PoolStep{Pool: x.Pool, Market: s.Market, Figure: s.Figure, Value: dec(s.Value), Formula: s.Formula, Rounding: s.Rounding, Section: s.Section}
		if s.Market != "" {
			p.Leg = s.Leg.String()
		}
		for _, y := range s.Symbols {
			text := y.Text
			if text == "" {
				text = y.Value.String()
			}
			p.Symbols = append(p.Symbols, StepSymbol{y.Name, text})
		}
		out = append(out, p)
	}
	return out
}
