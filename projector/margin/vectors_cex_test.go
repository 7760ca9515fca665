package margin_test

import (
	"math/big"
	"strings"

	"marginledger/projector/margin"
	"marginledger/projector/margin/cex"
)

func init() {
	register("binance_liq", func(c *vector) {
		var others []cex.Position
		for _, o := range c.in.get("others").list() {
			others = append(others, cexPosition(o))
		}
		target := cexPosition(c.in.get("target"))
		cexPrinted(c.want.get("liq"), cex.BinanceLiquidation(c.in.get("wb").rat(), &target, others))
	})
	register("binance_liq_simple", func(c *vector) {
		in := c.in
		side, size, entry, rate, cum := cexSide(in), in.get("qty").rat(), in.get("entry").rat(), in.get("mmr").rat(), in.get("cum").rat()
		cexPrinted(c.want.get("liq"), cexCollateral(in.get("wb"), size, entry, func(wallet *big.Rat) *big.Rat {
			return cex.BinanceClientLiquidation(side, size, entry, wallet, rate, cum)
		})...)
	})
	register("okx_liq", func(c *vector) {
		in := c.in
		side, size, entry, rate, fee := cexSide(in), in.get("qty").rat(), in.get("entry").rat(), in.get("mmr").rat(), in.get("fee").rat()
		cexPrinted(c.want.get("liq"), cexCollateral(in.get("wb"), size, entry, func(collateral *big.Rat) *big.Rat {
			return cex.OKXLiquidation(side, size, entry, collateral, rate, fee)
		})...)
	})
	register("bybit_liq", func(c *vector) { // the table cuts off recurring digits in some rows, and rounds them in others
		in, w := c.in, c.want.get("liq")
		x := cex.BybitLiquidation(cexSide(in), in.get("entry").rat(), in.get("lev").rat(), in.get("mmr").rat())
		cut, nearest := margin.Rounded(x, w.decimals(), margin.ToZero), margin.Rounded(x, w.decimals(), margin.HalfUp)
		if cut.Cmp(nearest) == 0 {
			w.is(cut)
			return
		}
		w.within(cut, nearest)
	})
	register("haircut", func(c *vector) { // the FAQ cuts off at the cent
		w := c.want.get("needed")
		w.is(margin.Rounded(cex.Needed(c.in.get("deficit").rat(), c.in.get("rate").rat()), w.decimals(), margin.Down))
	})
	register("upnl", func(c *vector) {
		c.want.get("v").is(cex.Unrealised(c.in.get("qty").rat(), c.in.get("entry").rat(), c.in.get("mark").rat()))
	})
	register("tiered_collateral", func(c *vector) {
		var tiers []cex.Tier
		for _, t := range c.in.get("tiers").list() {
			f := t.list()
			if len(f) != 3 {
				c.stop("%s: not three numbers", t.path)
			}
			tier := cex.Tier{From: f[0].rat(), Rate: f[2].rat()}
			if f[1].known(); !f[1].isNull() {
				tier.To = f[1].rat()
			}
			tiers = append(tiers, tier)
		}
		c.want.get("value").is(cex.TieredValue(c.in.get("qty").rat(), c.in.get("price").rat(), tiers))
	})
	register("okx_discount", func(c *vector) {
		value, ok := cex.KnownValue(c.in.get("qty").rat(), c.in.get("price").rat(), okxBitcoin())
		if !ok {
			c.stop("inputs.qty: beyond the known tiers")
		}
		c.want.get("value").is(value)
	})
	register("generic_cross_liq", func(c *vector) {
		in := c.in
		cexPrinted(c.want.get("liq"), cex.CrossLiquidation(in.get("size").rat(), in.get("mark").rat(), in.get("equity").rat(),
			in.get("otherMM").rat(), in.get("mmr").rat()))
	})
}

// okxBitcoin returns the tiers of BTC in the discount-rate article, which the cases do not repeat.
func okxBitcoin() []cex.Tier {
	var tiers []cex.Tier
	from := int64(0)
	for _, t := range [][2]int64{{20, 980}, {25, 975}, {30, 970}, {50, 965}, {70, 960}, {90, 955}, {110, 950}} {
		tiers = append(tiers, cex.Tier{From: big.NewRat(from, 1), To: big.NewRat(t[0], 1), Rate: big.NewRat(t[1], 1000)})
		from = t[0]
	}
	return tiers
}

func cexPosition(v *value) cex.Position {
	v.get("symbol").known()
	return cex.Position{Size: v.get("qty").rat(), Entry: v.get("entry").rat(), Mark: v.get("mark").rat(),
		Rate: v.get("mmr").rat(), Deduction: v.get("cum").rat()}
}

func cexSide(in *value) cex.Side {
	switch side := in.get("side").text(); side {
	case "long":
		return cex.Long
	case "short":
		return cex.Short
	default:
		in.c.stop("side %q", side)
		return 0
	}
}

// cexCollateral returns the results of f for the collateral that a case shows, and for
// size·entry/leverage where that, for a whole leverage, is shown cut off: 3.3333333333 stands for
// 10/3 in some rows of the table, and for itself in others.
func cexCollateral(v *value, size, entry *big.Rat, f func(collateral *big.Rat) *big.Rat) []*big.Rat {
	shown := v.rat()
	out := []*big.Rat{f(shown)}
	if shown.Sign() <= 0 {
		return out
	}
	notional := new(big.Rat).Mul(size, entry)
	leverage := margin.Rounded(new(big.Rat).Quo(notional, shown), 0, margin.HalfEven)
	if leverage.Sign() <= 0 {
		return out
	}
	exact := notional.Quo(notional, leverage)
	if exact.Cmp(shown) != 0 && margin.Rounded(exact, v.decimals(), margin.ToZero).Cmp(shown) == 0 {
		out = append(out, f(exact))
	}
	return out
}

// cexPrinted compares to the printed digits: 15 significant digits or more are a double as programs
// print it, fewer are rounded to nearest. One of the results must match.
func cexPrinted(w *value, results ...*big.Rat) {
	significant := strings.TrimLeft(strings.Replace(strings.TrimPrefix(w.text(), "-"), ".", "", 1), "0")
	for i, x := range results {
		if len(significant) >= 15 {
			x = margin.ShortestBinary64(x)
		} else {
			x = margin.Rounded(x, w.decimals(), margin.HalfUp)
		}
		if i == len(results)-1 || w.rat().Cmp(x) == 0 {
			w.is(x)
			return
		}
	}
}
