package calculator

import (
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"marginledger/events"
)

// body is the fact that the change would be. Changes before it do not matter to it.
func (w *world) body(c *Change) (events.Body, error) {
	switch c.Kind {
	case ChangeOrder:
		return w.orderBody(c)
	case ChangePrice:
		return w.priceBody(c)
	case ChangeDeposit, ChangeWithdraw:
		return w.moneyBody(c)
	}
	name, value, err := c.pair()
	if err != nil {
		return nil, err
	}
	if w.markets[name] == nil {
		return nil, w.portfolio.unknownMarket(c.String(), name)
	}
	if c.Kind == ChangeLeverage {
		l, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return nil, c.wrong("%q is no leverage", value)
		}
		return &events.LeverageSet{Market: name, Leverage: uint32(l)}, nil
	}
	b := &events.MarginModeSet{Market: name}
	mode, with, named := strings.Cut(value, ":")
	if b.Mode, err = events.ParseMarginMode(mode); err != nil {
		return nil, c.wrong("%v", err)
	}
	if named {
		b.IsolatedMargin, err = c.number(with)
	}
	return b, err
}

// orderBody adds the market's fee, rounded up to the value scale, where the order names none.
func (w *world) orderBody(c *Change) (events.Body, error) {
	if c.isPositionOrder() {
		b, err := c.positionOrder()
		if err == nil && w.markets[b.Market] == nil {
			err = w.portfolio.unknownMarket(c.String(), b.Market)
		}
		return b, err
	}
	b, err := c.order()
	if err != nil {
		return nil, err
	}
	m := w.portfolio.market(b.Market)
	if m == nil {
		return nil, w.portfolio.unknownMarket(c.String(), b.Market)
	}
	if !b.Fee.Present && m.TakerFee.Present {
		fee := b.Size.Decimal().Mul(b.Price.Decimal()).Mul(m.TakerFee.Decimal())
		if b.Fee, err = events.FromDecimal(roundUp(fee, int32(w.value))); err != nil {
			return nil, c.wrong("the fee: %v", err)
		}
	}
	if b.Fee.Present {
		b.FeeAsset = w.portfolio.Venue.SettlementAsset
	}
	return b, nil
}

// roundUp is toward +∞.
func roundUp(d decimal.Decimal, places int32) decimal.Decimal {
	t := d.Truncate(places)
	if t.LessThan(d) {
		t = t.Add(decimal.New(1, -places))
	}
	return t
}

// priceBody moves a market, or an asset: every price that it is given, or the ends of its pair alone.
func (w *world) priceBody(c *Change) (events.Body, error) {
	name, low, high, err := c.price()
	if err != nil {
		return nil, err
	}
	m, x := w.portfolio.market(strings.TrimPrefix(name, marketPrefix)), w.portfolio.asset(strings.TrimPrefix(name, assetPrefix))
	switch {
	case strings.HasPrefix(name, marketPrefix):
		x = nil
	case strings.HasPrefix(name, assetPrefix):
		m = nil
	case m != nil && x != nil:
		return nil, c.wrong("%s is a market and an asset: write %s%s or %s%s", name, marketPrefix, name, assetPrefix, name)
	}
	pair := low != high
	switch {
	case m == nil && x == nil:
		names := w.portfolio.assetNames()
		for i := range w.portfolio.Markets {
			names = append(names, w.portfolio.Markets[i].Market)
		}
		return nil, c.wrong("no market or asset %s in this document%s", name, has(names))
	case x != nil && (x.Min.Present || pair):
		mid := low
		if pair && x.Price.Present {
			mid = x.Price
		}
		return &events.CollateralPrice{Asset: x.Asset, Price: mid, Min: low, Max: high}, nil
	case x != nil:
		return &events.CollateralPrice{Asset: x.Asset, Price: low}, nil
	case pair:
		return &events.MarkPrice{Market: m.Market, Mark: m.Mark, Index: m.Index, Min: low, Max: high}, nil
	}
	b := &events.MarkPrice{Market: m.Market, Mark: low}
	if m.Index.Present {
		b.Index = low
	}
	if m.Oracle.Present {
		b.Oracle = low
	}
	if m.Min.Present || m.Max.Present {
		b.Min, b.Max = low, low
	}
	return b, nil
}

func (w *world) moneyBody(c *Change) (events.Body, error) {
	words := strings.Fields(c.Text)
	claims := c.Kind == ChangeDeposit && len(words) >= 4 && len(words) <= 5 && words[2] == "of"
	if !claims && len(words) != 1 && len(words) != 2 {
		if c.Kind == ChangeDeposit {
			return nil, c.wrong("must read: AMOUNT [ASSET], or AMOUNT ASSET of MARKET [funding|impact]")
		}
		return nil, c.wrong("must read: AMOUNT [ASSET]")
	}
	amount, err := c.number(words[0])
	if err != nil {
		return nil, err
	}
	asset := w.portfolio.Venue.SettlementAsset
	if len(words) == 1 && w.portfolio.keeps() {
		return nil, c.wrong("of which asset? Nobody holds %s here, it is only what amounts are counted in", asset)
	}
	if len(words) >= 2 {
		asset = words[1]
	}
	if asset != w.portfolio.Venue.SettlementAsset && w.portfolio.asset(asset) == nil {
		return nil, c.wrong("no asset %s in this document%s", asset, has(w.portfolio.assetNames()))
	}
	if claims {
		return w.claimBody(c, words, asset, amount)
	}
	if c.Kind == ChangeDeposit {
		return &events.Deposit{Asset: asset, Amount: amount}, nil
	}
	return &events.Withdrawal{Asset: asset, Amount: amount}, nil
}

// claimBody is a deposit of what was claimable of a market.
func (w *world) claimBody(c *Change, words []string, asset string, amount events.Number) (events.Body, error) {
	b := &events.Deposit{Asset: asset, Amount: amount, Market: words[3], Claim: events.ClaimFunding}
	if w.markets[b.Market] == nil {
		return nil, w.portfolio.unknownMarket(c.String(), b.Market)
	}
	if len(words) == 5 {
		var err error
		if b.Claim, err = events.ParseClaimKind(words[4]); err != nil {
			return nil, c.wrong("%v", err)
		}
	}
	return b, nil
}

// assetNames are the settlement asset and those that the document lists.
func (p *Portfolio) assetNames() []string {
	var names []string
	if !p.keeps() {
		names = append(names, p.Venue.SettlementAsset)
	}
	for i := range p.Assets {
		if p.Assets[i].Asset != p.Venue.SettlementAsset {
			names = append(names, p.Assets[i].Asset)
		}
	}
	return names
}

// asset returns the state of an asset, nil where the document has none of that name.
func (p *Portfolio) asset(name string) *AssetState {
	i := slices.IndexFunc(p.Assets, func(a AssetState) bool { return a.Asset == name })
	if i < 0 {
		return nil
	}
	return &p.Assets[i]
}
