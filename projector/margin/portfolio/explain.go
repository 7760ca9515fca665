package portfolio

import (
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
	"marginledger/projector/margin/standard"
)

// Explain implements §§3 and 4 once more, as steps: what the pool is worth, every leg of the worst scenario,
// the groups, the offsets, and what they add up to.
func (p *Profile) Explain(pool *margin.Pool) []margin.Step {
	if pool.Isolated {
		return p.Profile.Explain(pool)
	}
	x := &explanation{Explanation: margin.NewExplanation(pool), p: p, pool: pool}
	var room memory
	b, h := room.open(p, pool)
	x.book = b
	x.worth()
	x.Pool("equity", "Σ collateral + Σ unrealised PnL + Σ unposted funding", "exact", "§3", h.Equity)
	x.scenario()
	required := x.book.requirement()
	x.Pool("requirement", "min(10^34 units, loss of the worst scenario + Σ contingency)", "exact", "§4", required)
	formula, maintenance := "requirement", required
	if len(pool.Positions) == 0 {
		formula, maintenance = "0 without positions", fixed.Int128{}
	}
	x.Pool("maintenance", formula, "exact", "§4", maintenance)
	x.Pool("initial", "ceil(requirement·initialFactor)", "up to the value scale", "§4", p.initial(required), x.multiple("initialFactor", p.initialFactor))
	return x.Steps
}

type explanation struct {
	*margin.Explanation
	p    *Profile
	pool *margin.Pool
	book book
}

func (x *explanation) multiple(name string, v int64) margin.Symbol {
	return x.Number(name, fixed.FromInt64(v), margin.MultipleScale)
}

// worth explains equity; steps of the standard profile cite its page.
func (x *explanation) worth() {
	from := len(x.Steps)
	for i := range x.pool.Balances {
		if _, member := x.p.isMember(&x.pool.Balances[i]); !member {
			x.p.Profile.ExplainBalance(x.Explanation, &x.pool.Balances[i])
		}
	}
	for i := range x.pool.Positions {
		f := x.p.Profile.Figures(x.pool, i)
		standard.ExplainValue(x.Explanation, &x.pool.Positions[i], &f)
	}
	for i := from; i < len(x.Steps); i++ {
		x.Steps[i].Section = "standard " + x.Steps[i].Section
	}
	for i := range x.pool.Balances {
		b := &x.pool.Balances[i]
		if _, member := x.p.isMember(b); !member {
			continue
		}
		formula, symbols := "floor(b·c)", []margin.Symbol{x.Text("asset", b.Asset.Name), x.Amount("b", b.Amount),
			x.Number("c", fixed.FromInt64(b.Asset.Price), margin.CollateralScale)}
		if b.Asset.Capped {
			formula, symbols = "min(cap, floor(b·c))", append(symbols, x.Amount("cap", b.Asset.Cap))
		}
		x.Pool("collateral", formula, "down to the value scale", "§3", x.p.CollateralValue(b), symbols...)
	}
}

// scenario explains the one that decides.
func (x *explanation) scenario() {
	b := &x.book
	if len(b.legs) == 0 {
		return
	}
	k, loss, credit := b.worst()
	line := &x.p.grid[k]
	for i := range b.legs {
		x.leg(&b.legs[i], i < b.positions, line)
	}
	x.offsets(line)
	left, _ := b.loss(line)
	x.Pool("scenarioLoss", "ceil((Σ max(0, −result) − Σ credits)·weight)", "up to the value scale", "§4", loss, x.Text("scenario", line.name),
		x.Amount("losses less credits", left), x.Amount("credits", credit), x.multiple("weight", line.weight))
	for i := range b.groups {
		x.contingency(i)
	}
}

// leg explains what a position or balance gains in a scenario.
func (x *explanation) leg(l *leg, position bool, line *scenario) {
	number := x.book.groups[l.group].number
	shock := line.at(number)
	symbols := []margin.Symbol{x.Text("scenario", line.name), x.groupSymbol(l.group), x.Amount("v", l.value), x.multiple("shock", shock)}
	gain := l.shocked(shock)
	if position {
		x.Position(&x.pool.Positions[l.place], "scenarioResult", "floor(v·shock)", "down to the value scale", "§4", gain, symbols...)
		return
	}
	formula := "floor(v·shock)"
	if l.asset.Capped {
		formula, symbols = "min(cap, v + floor(v·shock)) − min(cap, v)", append(symbols, x.Amount("cap", l.asset.Cap))
	}
	x.Pool("scenarioResult", formula, "down to the value scale", "§4", gain, append(symbols, x.Text("asset", l.asset.Name))...)
}

// group1 names a group.
func (x *explanation) groupSymbol(i int) margin.Symbol {
	if g := &x.book.groups[i]; g.number == 0 {
		return x.Text("group", g.name)
	}
	return x.Number("group", fixed.FromInt64(int64(x.book.groups[i].number)), 0)
}

// contingency explains a group's.
func (x *explanation) contingency(i int) {
	g := &x.book.groups[i]
	x.Pool("contingency", "ceil(gross·contingency)", "up to the value scale", "§4", x.book.contingencyOf(g), x.groupSymbol(i),
		x.Amount("gross", g.gross), x.multiple("contingency", x.p.settings.contingency[g.number]))
}

// offsets explains the results of the groups, and each credit as it is taken.
func (x *explanation) offsets(line *scenario) {
	b := &x.book
	pairs := b.pairs
	b.pairs = nil
	b.loss(line)
	for i := range b.groups {
		x.Pool("groupResult", "Σ results", "exact", "§4", b.groups[i].result, x.groupSymbol(i))
	}
	for i := range pairs {
		o := &pairs[i]
		before := [2]fixed.Int128{b.groups[o.a].result, b.groups[o.b].result}
		if credit := b.offset(o); b.groups[o.a].result != before[0] {
			first, second := x.groupSymbol(o.a), x.groupSymbol(o.b)
			second.Name = "other group"
			x.Pool("offset", "floor(smaller of two opposite results left · share)", "down to the value scale", "§4", credit, first, second,
				x.Amount("left", before[0]), x.Amount("left of the other", before[1]), x.multiple("share", o.share))
		}
	}
	b.pairs = pairs
}
