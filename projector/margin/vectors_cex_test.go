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
		cexPrinted(c.want.get("liq"), cex.BinanceClientLiquidation(cexSide(in), in.get("qty").rat(), in.get("entry").rat(),
			in.get("wb").rat(), in.get("mmr").rat(), in.get("cum").rat()))
	})
	register("okx_liq", func(c *vector) {
		in := c.in
		size, entry := in.get("qty").rat(), in.get("entry").rat()
		cexPrinted(c.want.get("liq"), cex.OKXLiquidation(cexSide(in), size, entry,
			cexCollateral(in.get("wb"), size, entry), in.get("mmr").rat(), in.get("fee").rat()))
	})
	register("bybit_liq", func(c *vector) {
		in := c.in
		cexPrinted(c.want.get("liq"), cex.BybitLiquidation(cexSide(in), in.get("entry").rat(), in.get("lev").rat(), in.get("mmr").rat()))
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
	register("okx_discount", func(c *vector) { // the one tier of BTC that the source has
		tiers := []cex.Tier{{From: new(big.Rat), To: big.NewRat(20, 1), Rate: big.NewRat(98, 100)}}
		value, ok := cex.KnownValue(c.in.get("qty").rat(), c.in.get("price").rat(), tiers)
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

// cexCollateral returns size·entry/leverage where that, for a whole leverage, is what the case
// shows cut to its digits: 3.3333333333 stands for 10/3.
func cexCollateral(v *value, size, entry *big.Rat) *big.Rat {
	shown := v.rat()
	if shown.Sign() <= 0 {
		return shown
	}
	notional := new(big.Rat).Mul(size, entry)
	leverage := margin.Rounded(new(big.Rat).Quo(notional, shown), 0, margin.HalfEven)
	if leverage.Sign() <= 0 {
		return shown
	}
	exact := notional.Quo(notional, leverage)
	if margin.Rounded(exact, v.decimals(), margin.ToZero).Cmp(shown) != 0 {
		return shown
	}
	return exact
}

// cexPrinted compares to the printed digits: 15 significant digits or more are a double as programs
// print it, fewer are rounded to nearest.
func cexPrinted(w *value, x *big.Rat) {
	digits := strings.TrimLeft(strings.Replace(strings.TrimPrefix(w.text(), "-"), ".", "", 1), "0")
	if len(digits) >= 15 {
		w.is(margin.ShortestBinary64(x))
		return
	}
	w.is(margin.Rounded(x, w.decimals(), margin.HalfUp))
}
