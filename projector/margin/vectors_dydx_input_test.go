package margin_test

import (
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"marginledger/projector/margin/dydx"
)

// integer returns one of any width.
func (v *value) integer() *big.Int {
	r := v.rat()
	if !r.IsInt() {
		v.c.stop("%s: %v is no integer", v.path, v.x)
	}
	return new(big.Int).Set(r.Num())
}

// isInt compares an integer, isUSD quote quanta with an amount of USDC.
func (v *value) isInt(got *big.Int) { v.is(new(big.Rat).SetInt(got)) }
func (v *value) isUSD(got *big.Int) { v.is(dydxScaled(got, -dydx.QuoteDecimals)) }

func dydxScaled(x *big.Int, n int) *big.Rat {
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n, -n))), nil)
	if n < 0 {
		return new(big.Rat).SetFrac(x, ten)
	}
	return new(big.Rat).SetInt(ten.Mul(ten, x))
}

// dydxAmount compares an amount in quanta, and in USDC where it is there.
func dydxAmount(want *value, name string, got *big.Int) {
	want.get(name + "_quote_quantums").isInt(got)
	if want.has(name) {
		want.get(name).isUSD(got)
	}
}

// dydxErrors are the names that the files give to errors: those of the venue's code, shortened.
var dydxErrors = []struct {
	err  error
	name string
}{
	{dydx.ErrSizeDelta, "invalid_position_size_delta"},
	{dydx.ErrUpdateRejected, "update_rejected"},
	{dydx.ErrAlreadyLiquidated, "error_already_liquidated_this_block"},
	{dydx.ErrOverLimit, "panic_over_limit"},
}

func dydxErrorName(err error) string {
	for _, e := range dydxErrors {
		if errors.Is(err, e.err) {
			return e.name
		}
	}
	return err.Error()
}

// dydxEmptyFill has the words that the name of the error of an empty fill may consist of. No visible case has one: in the
// venue's code it is ErrInvalidQuantumsForInsuranceFundDeltaCalculation, and files leave words out or say what it means.
var dydxEmptyFill = strings.Fields("error invalid quantums for insurance fund delta calculation zero empty fill base amount size")

// dydxIsError compares an error with its name.
func dydxIsError(want *value, err error) {
	text, _ := want.x.(string)
	words := strings.Split(text, "_")
	if errors.Is(err, dydx.ErrEmptyFill) && !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(dydxEmptyFill, w) }) {
		want.isText(text)
		return
	}
	want.isText(dydxErrorName(err))
}

// dydxFailed compares an error with an expected one, and reports that there is one.
func dydxFailed(c *vector, err error) bool {
	switch want := c.want.get("error"); {
	case err == nil && !want.ok:
		return false
	case err == nil:
		c.stop("no error, want %v", want.x)
	case !want.ok:
		c.stop("%v", err)
	default:
		dydxIsError(want, err)
	}
	return true
}

// dydxAbsent is the market that accounts of some cases hold though the case leaves it out: ETH as the venue's tests create
// it beside BTC. Those tests close positions in another market.
var dydxAbsent = dydx.Market{ID: 1, Resolution: -9, Price: big.NewInt(3_000_000_000), Exponent: -6, FundingIndex: new(big.Int),
	OpenInterest: new(big.Int), Tier: dydx.Tier{Initial: big.NewInt(200_000), Maintenance: big.NewInt(500_000),
		LowerCap: new(big.Int), UpperCap: new(big.Int)}}

// dydxMarkets reads the markets, and checks what is there for people.
func dydxMarkets(v *value) dydx.Markets {
	var out dydx.Markets
	if v.ok {
		for _, key := range v.keys() {
			id, err := strconv.ParseUint(key, 10, 32)
			if err != nil {
				v.c.stop("%s: market %q", v.path, key)
			}
			out = append(out, dydxMarket(v.get(key), uint32(id)))
		}
	}
	if !slices.ContainsFunc(out, func(m dydx.Market) bool { return m.ID == dydxAbsent.ID }) {
		out = append(out, dydxAbsent)
	}
	slices.SortFunc(out, func(a, b dydx.Market) int { return int(a.ID) - int(b.ID) })
	return out
}

func dydxMarket(v *value, id uint32) dydx.Market {
	raw := v.get("raw")
	m := dydx.Market{ID: id, Resolution: int(raw.get("base_atomic_resolution").int()), Price: raw.get("oracle_price").integer(),
		Exponent: int(raw.get("oracle_price_exponent").int()), FundingIndex: raw.get("funding_index").integer(),
		OpenInterest: raw.get("open_interest_base_quantums").integer(),
		Tier: dydx.Tier{Initial: raw.get("initial_margin_ppm").integer(), Maintenance: raw.get("maintenance_fraction_ppm").integer(),
			LowerCap: raw.get("open_interest_lower_cap_quote_quantums").integer(),
			UpperCap: raw.get("open_interest_upper_cap_quote_quantums").integer()}}
	switch kind := raw.get("market_type").text(); kind {
	case "isolated":
		m.Isolated = true
	case "cross":
	default:
		v.c.stop("%s: market type %q", v.path, kind)
	}
	if h := v.get("human"); h.ok {
		maintenance := new(big.Int).Mul(m.Tier.Initial, m.Tier.Maintenance)
		dydxSame(h.get("oracle_price_usd"), dydxScaled(m.Price, m.Exponent))
		dydxSame(h.get("initial_margin_fraction"), dydxScaled(m.Tier.Initial, -6))
		dydxSame(h.get("maintenance_margin_fraction"), dydxScaled(maintenance, -12))
		dydxSame(h.get("open_interest_base"), dydxScaled(m.OpenInterest, m.Resolution))
	}
	return m
}

// dydxSame checks an input that another one gives too.
func dydxSame(v *value, want *big.Rat) {
	if v.ok && v.rat().Cmp(want) != 0 {
		v.c.problem("%s: %v, but %s elsewhere", v.path, v.x, show(want))
	}
}

// dydxSize reads quanta, and checks the size in coins beside them.
func dydxSize(v *value, quanta, size string, m *dydx.Market) *big.Int {
	q := v.get(quanta).integer()
	dydxSame(v.get(size), dydxScaled(q, m.Resolution))
	return q
}

func dydxGet(v *value, ms dydx.Markets, id int64) *dydx.Market {
	m, err := ms.Get(uint32(id))
	if err != nil {
		v.c.stop("%s: %v", v.path, err)
	}
	return m
}

func dydxAccount(v *value, ms dydx.Markets) dydx.Subaccount {
	a := dydx.Subaccount{USDC: v.get("usdc_quantums").integer()}
	dydxSame(v.get("usdc"), dydxScaled(a.USDC, -dydx.QuoteDecimals))
	for _, p := range v.get("positions").list() {
		m := dydxGet(p, ms, p.get("perpetual").int())
		a.Positions = append(a.Positions, dydx.Position{Market: m.ID, Size: dydxSize(p, "quantums", "size", m),
			FundingIndex: p.get("last_funding_index").integer()})
	}
	slices.SortFunc(a.Positions, func(x, y dydx.Position) int { return int(x.Market) - int(y.Market) })
	return a
}

// dydxIsAccount compares an account.
func dydxIsAccount(want *value, a *dydx.Subaccount, ms dydx.Markets) {
	if !want.ok {
		want.c.problem("%s: missing", want.path)
		return
	}
	want.get("usdc_quantums").isInt(a.USDC)
	want.get("usdc").isUSD(a.USDC)
	list := want.get("positions").list()
	if len(list) != len(a.Positions) {
		want.c.problem("%s: %d positions, want %d", want.path, len(a.Positions), len(list))
		return
	}
	for i, p := range list {
		got := &a.Positions[i]
		p.get("perpetual").isInt(big.NewInt(int64(got.Market)))
		p.get("quantums").isInt(got.Size)
		p.get("size").is(dydxScaled(got.Size, dydxGet(p, ms, int64(got.Market)).Resolution))
		p.get("last_funding_index").isInt(got.FundingIndex)
	}
}

// dydxAccounts reads accounts by name, in order.
func dydxAccounts(v *value, ms dydx.Markets) ([]string, []dydx.Subaccount) {
	names := v.keys()
	out := make([]dydx.Subaccount, len(names))
	for i, name := range names {
		out[i] = dydxAccount(v.get(name), ms)
	}
	return names, out
}

// dydxIndex returns the place of an account by the name that an input has.
func dydxIndex(v *value, names []string) int {
	i := slices.Index(names, v.text())
	if i < 0 {
		v.c.stop("%s: no account %v", v.path, v.x)
	}
	return i
}

func dydxConfig(v *value) *dydx.Config {
	return &dydx.Config{
		MaximumFee:           v.get("max_liquidation_fee_ppm").integer(),
		BankruptcyAdjustment: v.get("bankruptcy_adjustment_ppm").integer(),
		Spread:               v.get("spread_to_maintenance_margin_ratio_ppm").integer(),
		MinimumNotional:      v.get("min_position_notional_liquidated_quote_quantums").integer(),
		MaximumPortion:       v.get("max_position_portion_liquidated_ppm").integer(),
		BlockNotional:        v.get("max_notional_liquidated_per_subaccount_block_quote_quantums").integer(),
		BlockInsurance:       v.get("max_insurance_lost_per_subaccount_block_quote_quantums").integer(),
	}
}

// dydxRisk reads a risk; a figure that is not there is 0.
func dydxRisk(v *value) dydx.Risk {
	get := func(key string) *big.Int {
		if !v.has(key) {
			return new(big.Int)
		}
		return v.get(key).integer()
	}
	return dydx.Risk{Net: get("net_collateral"), Initial: get("imr"), Maintenance: get("mmr")}
}

// dydxMust stops a case at an error that it does not expect.
func dydxMust[T any](c *vector, x T, err error) T {
	if err != nil {
		c.stop("%v", err)
	}
	return x
}
