package simulate

import (
	"math/rand/v2"
	"sort"

	"marginledger/events"
	"marginledger/internal/fixed"
)

func int128(v int64) fixed.Int128 { return fixed.FromInt64(v) }

// class groups markets by how they fall in a crash and which rules they have.
type class uint8

const (
	major class = iota
	middle
	small
)

// spec is a market as it is listed. Price is the first one, at the price scale.
type spec struct {
	Name, Underlying      string
	PriceScale, SizeScale int
	Price                 int64
	class                 class
}

// specs stand in the order of popularity.
var specs = [...]spec{
	{"BTC-PERP", "BTC", 1, 4, 1_213_000, major},
	{"ETH-PERP", "ETH", 2, 3, 435_000, major},
	{"SOL-PERP", "SOL", 3, 2, 221_000, major},
	{"XRP-PERP", "XRP", 4, 1, 28_100, major},
	{"BNB-PERP", "BNB", 2, 3, 126_000, major},
	{"DOGE-PERP", "DOGE", 5, 0, 24_800, middle},
	{"HYPE-PERP", "HYPE", 3, 2, 44_500, middle},
	{"SUI-PERP", "SUI", 4, 1, 34_000, middle},
	{"LINK-PERP", "LINK", 3, 2, 22_000, middle},
	{"AVAX-PERP", "AVAX", 3, 2, 28_000, middle},
	{"ADA-PERP", "ADA", 5, 0, 81_000, middle},
	{"LTC-PERP", "LTC", 2, 3, 12_800, middle},
	{"ENA-PERP", "ENA", 5, 0, 54_000, small},
	{"WIF-PERP", "WIF", 5, 0, 71_000, small},
	{"TIA-PERP", "TIA", 4, 1, 14_200, small},
	{"PEPE-PERP", "PEPE", 8, 0, 930, small},
	{"ATOM-PERP", "ATOM", 4, 1, 40_500, small},
	{"APT-PERP", "APT", 4, 1, 49_000, small},
	{"ARB-PERP", "ARB", 5, 0, 42_000, small},
	{"PENGU-PERP", "PENGU", 6, 0, 29_500, small},
	{"FARTCOIN-PERP", "FARTCOIN", 5, 0, 63_000, small},
	{"VIRTUAL-PERP", "VIRTUAL", 5, 0, 98_000, small},
	{"IO-PERP", "IO", 5, 0, 52_000, small},
	{"MOODENG-PERP", "MOODENG", 5, 0, 15_500, small},
}

// tier is a bracket of notional, in whole USDT; rate in thousandths.
type tier struct {
	lower, leverage, rate int64
	deduction             int64 // at the value scale
}

var tiers = [...][]tier{
	major:  deduct([]tier{{0, 100, 5, 0}, {500_000, 50, 10, 0}, {5_000_000, 20, 25, 0}, {25_000_000, 10, 50, 0}, {100_000_000, 5, 100, 0}}),
	middle: deduct([]tier{{0, 50, 10, 0}, {100_000, 25, 20, 0}, {1_000_000, 10, 50, 0}, {10_000_000, 5, 100, 0}}),
	small:  deduct([]tier{{0, 20, 25, 0}, {50_000, 10, 50, 0}, {500_000, 5, 100, 0}, {5_000_000, 2, 250, 0}}),
}

// deduct sets the deductions that make maintenance continuous at the edges.
func deduct(t []tier) []tier {
	for i := 1; i < len(t); i++ {
		t[i].deduction = t[i-1].deduction + t[i].lower*(t[i].rate-t[i-1].rate)*(one/1000)
	}
	return t
}

// market is a market and its price.
type market struct {
	*spec
	tiers  []tier
	unit   int64 // 10^(value scale − price scale − size scale): what price · size is multiplied by
	drop   int64 // how far it falls in the crash, ppm
	back   int64 // share of the fall that it recovers, ppm
	noise  int64 // ppm around the day's shape
	mark   int64
	index  int64 // funding, at price scale + 12
	long   int64 // open interest of the made-up accounts, contracts
	low    extremes
	high   extremes
	weight int // popularity, cumulative
	makers []int32
}

func newMarket(s *spec, rng *rand.Rand) market {
	m := market{spec: s, tiers: tiers[s.class], unit: fixed.Pow10(valueScale - s.PriceScale - s.SizeScale), mark: s.Price}
	m.low.sign, m.high.sign = 1, -1
	from, width := int64(120_000), int64(50_000)
	switch s.class {
	case middle:
		from, width = 280_000, 170_000
	case small:
		from, width = 500_000, 300_000
	}
	m.drop = from + rng.Int64N(width)
	m.back = 400_000 + rng.Int64N(250_000)
	return m
}

// notional returns |size| · price at the value scale.
func (m *market) notional(size, price int64) int64 { return max(size, -size) * price * m.unit }

// tierOf returns the bracket of a notional at the value scale.
func (m *market) tierOf(notional int64) *tier {
	i := len(m.tiers) - 1
	for i > 0 && m.tiers[i].lower*one > notional {
		i--
	}
	return &m.tiers[i]
}

// maintenance returns the maintenance requirement of a notional.
func (m *market) maintenance(notional int64) int64 {
	t := m.tierOf(notional)
	return (notional/1000)*t.rate + (notional%1000*t.rate+999)/1000 - t.deduction
}

// initial returns the initial requirement of a notional at a set leverage; 0: the tier's.
func (m *market) initial(notional, leverage int64) int64 {
	l := m.tierOf(notional).leverage
	if leverage > 0 {
		l = min(l, leverage)
	}
	return (notional + l - 1) / l
}

// listed returns the market's listing.
func (m *market) listed() *events.MarketListed {
	rules := events.MarketRules{
		FundingMode: events.FundingByIndex, MaxStalenessMs: 10 * 60_000,
		MakerFee: number(makerFee, 6), TakerFee: number(takerFee, 6), LiquidationFee: number(5000, 6),
	}
	for _, t := range m.tiers {
		rules.Tiers = append(rules.Tiers, events.Tier{
			LowerNotional: number(t.lower, 0), MaxLeverage: uint32(t.leverage),
			MaintenanceRate: number(t.rate, 3), Deduction: amount(t.deduction),
		})
	}
	return &events.MarketListed{
		Market: m.Name, Underlying: m.Underlying, PriceScale: uint32(m.PriceScale), SizeScale: uint32(m.SizeScale),
		MaxPrice: number(m.Price*1000, m.PriceScale), MaxSize: number(1e15, m.SizeScale), Rules: rules,
	}
}

// asset is collateral other than the settlement asset. Its price is that of its market, so mark and
// collateral price differ by what happened between two ticks.
type asset struct {
	name   string
	market int
	price  int64 // at the market's price scale; 0: none yet
	low    extremes
}

var (
	assetNames = [...]string{"BTC", "ETH"}
	haircuts   = []events.HaircutTier{
		{LowerValue: number(0, 0), Haircut: number(50, 3)},
		{LowerValue: number(1_000_000, 0), Haircut: number(100, 3)},
		{LowerValue: number(10_000_000, 0), Haircut: number(200, 3)},
	}
)

// haircut is what the book takes off: the worst tier that a balance of the demo can reach.
const haircut = 200 // thousandths

// extremes answers which price was the worst since a stamp. Of the prices so far it keeps those
// that no later one exceeded, in rising order of stamp and, times sign, of price.
type extremes struct {
	sign  int64 // 1: the lowest price, −1: the highest
	stack []stamped
}

type stamped struct{ stamp, price int64 }

func (x *extremes) push(stamp, price int64) {
	n := len(x.stack)
	for n > 0 && x.stack[n-1].price*x.sign >= price*x.sign {
		n--
	}
	x.stack = append(x.stack[:n], stamped{stamp, price})
}

// since returns the worst price after a stamp, or, where there is none, the last one.
func (x *extremes) since(stamp int64) int64 {
	n := len(x.stack)
	i := n - 1
	if x.stack[i].stamp > stamp { // most have been looked at a while ago
		i = sort.Search(n, func(k int) bool { return x.stack[k].stamp > stamp })
	}
	return x.stack[i].price
}
