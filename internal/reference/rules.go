package reference

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"

	"marginledger/events"
)

// § 6: rules that the event may have broken, looked at after it, in the order of the table.

var ruleOrder = []string{
	"account_reopened", "sequence_gap", "mark_out_of_order", "withdrawal_exceeds_withdrawable", "negative_balance",
	"leverage_above_maximum", "insufficient_initial_margin", "mode_switch_with_position", "margin_mode_not_allowed",
	"isolated_margin_exceeds_free", "isolated_margin_below_initial", "isolated_margin_not_removable", "market_halted", "liquidation_without_episode", "liquidation_overfill",
	"covers_no_bankruptcy", "unknown_dead_letter", "funding_without_position",
}

func sortBroken(rules []broken) {
	slices.SortStableFunc(rules, func(a, b broken) int {
		return cmp.Compare(slices.Index(ruleOrder, a.rule), slices.Index(ruleOrder, b.rule))
	})
}

// judgeWithdrawal: withdrawal_exceeds_withdrawable.
func (t *transaction) judgeWithdrawal(a *account, asset string) {
	if a.backstop {
		return
	}
	f := t.venue.freeFigures(a)
	free := f.free
	if t.venue.params.withdrawExcludesUpnl {
		free = f.excludingProfit
	}
	if free.IsNegative() || a.balances[asset].IsNegative() {
		t.breakRule("withdrawal_exceeds_withdrawable", crossPool)
	}
}

// judgeBalances: negative_balance, of the assets that left.
func (t *transaction) judgeBalances(a *account, left ...string) {
	for _, asset := range left {
		if a.balances[asset].IsNegative() {
			t.breakRule("negative_balance", crossPool)
			return
		}
	}
}

// judgeLeverageSet: leverage_above_maximum of a LeverageSet.
func (t *transaction) judgeLeverageSet(a *account, m *market, leverage uint32) {
	if !a.backstop && leverage > m.rules.tiers[0].maxLeverage {
		t.breakRule("leverage_above_maximum", crossPool)
	}
	if limit, ok := a.caps[m.name]; ok && leverage > limit {
		t.breakRule("leverage_above_maximum", crossPool)
	}
}

// judgeIsolatedMargin: the two rules of IsolatedMarginMoved.
func (t *transaction) judgeIsolatedMargin(a *account, p *pool, amount decimal.Decimal) {
	if amount.IsPositive() && t.venue.freeFigures(a).free.IsNegative() {
		t.breakRule("isolated_margin_exceeds_free", p.key)
	}
	if amount.IsNegative() && len(p.positions) > 0 && t.venue.markets[p.key.market].rules.keepsMargin {
		t.breakRule("isolated_margin_not_removable", p.key)
	}
	f := t.venue.poolFigures(a, p)
	if amount.IsNegative() && (f.equity.Cmp(f.initial) < 0 || p.collateral.IsNegative()) {
		t.breakRule("isolated_margin_below_initial", p.key)
	}
}

// judgeFill: the rules of Fill. inEpisode: its pool had an open episode before.
func (t *transaction) judgeFill(a *account, b *events.Fill, done changed, inEpisode bool) {
	v, m, p := t.venue, t.venue.markets[b.Market], done.pool
	trade := b.Reason == events.ReasonTrade
	forced := b.Reason == events.ReasonLiquidation || b.Reason == events.ReasonADL

	if set, ok := a.leverages[m.name]; ok && trade && !a.backstop && done.after.Abs().Cmp(done.before.Abs()) > 0 {
		price, _ := m.price()
		if set > m.rules.tiers[m.tierOf(done.after.Abs().Mul(price))].maxLeverage {
			t.breakRule("leverage_above_maximum", p.key)
		}
	}
	if trade && !a.backstop && done.opened.IsPositive() {
		if done.shortOfMargin || v.freeFigures(a).free.IsNegative() {
			t.breakRule("insufficient_initial_margin", p.key)
		}
	}
	if trade && m.halted {
		t.breakRule("market_halted", p.key)
	}
	counterparty := b.Reason == events.ReasonADL && !done.opened.IsPositive()
	if forced && !a.backstop && !inEpisode && !counterparty {
		t.breakRule("liquidation_without_episode", p.key)
	}
	if forced && !a.backstop && done.opened.IsPositive() {
		t.breakRule("liquidation_overfill", p.key)
	}
}
