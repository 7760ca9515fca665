package reference

import (
	"fmt"

	"marginledger/events"
	"marginledger/projector"
)

// The figures of an account as lines, from either side. What neither side need show is left out:
// zero balances, and pools that hold nothing and have no state.

func modelFigures(f Figures) []line {
	out := []line{figure("account %s %v %v %v", f.Operator, f.Backstop, f.Incomplete, f.Stale)}
	for _, b := range f.Balances {
		out = append(out, figure("balance %s %s value %s", b.Asset, number(b.Amount), b.Value))
	}
	out = append(out, figure("orders %s free %s withdrawable %s", number(f.OrderMargin), number(f.Free), number(f.Withdrawable)))
	for _, p := range f.Pools {
		out = append(out, poolLine(p.Pool, number(p.Collateral), number(p.Equity), number(p.Initial), number(p.Maintenance), p.MarginRatio,
			p.Unpriced, p.Called, p.Liquidation, p.Stage, p.CooldownUntil, p.Awaiting))
		for _, pos := range p.Positions {
			out = append(out, positionLine(pos.PositionFigures, pos.LiquidationPriceUnderlying))
		}
	}
	return out
}

func foldFigures(f *projector.AccountFigures) []line {
	out := []line{figure("account %s %v %v %v", f.Operator, f.MarginType == events.MarginBackstop, f.Incomplete, f.Stale)}
	for _, b := range f.Balances {
		if b.Amount.Sign() != 0 {
			out = append(out, figure("balance %s %s value %s", b.Asset, b.Amount, b.Value))
		}
	}
	out = append(out, figure("orders %s free %s withdrawable %s", f.OrderMargin, f.Free, f.Withdrawable))
	for _, p := range f.Pools {
		if p.Pool != "cross" && p.Collateral.Sign() == 0 && len(p.Positions) == 0 && len(p.Calls) == 0 && p.Liquidation == "" {
			continue
		}
		collateral := p.Collateral
		if p.Pool == "cross" {
			collateral = number(zero)
		}
		out = append(out, poolLine(p.Pool, collateral, p.Equity, p.Initial, p.Maintenance, p.MarginRatio,
			p.Unpriced, len(p.Calls), p.Liquidation, p.Stage, p.CooldownUntil, p.Awaiting))
		for _, pos := range p.Positions {
			out = append(out, positionLine(pos.PositionFigures, pos.LiquidationPriceUnderlying))
		}
	}
	return out
}

func figure(format string, args ...any) line {
	text := fmt.Sprintf(format, args...)
	return line{fmt.Sprint(format), text}
}

func poolLine(name string, collateral, equity, initial, maintenance, ratio events.Number, unpriced bool, called int, id string, stage events.Stage, cooldown int64, awaiting bool) line {
	return figure("pool %s collateral %s equity %s initial %s maintenance %s ratio %s unpriced %v called %d episode %s %s until %d awaiting %v",
		name, collateral, equity, initial, maintenance, ratio, unpriced, called, id, stage, cooldown, awaiting)
}

func positionLine(p events.PositionFigures, underlying events.Number) line {
	o := events.Output{Positions: []events.PositionFigures{p}}
	return figure("position underlying %s %s", underlying, o.AppendJSON(nil))
}
