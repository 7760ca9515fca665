package bench

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"marginledger/events"
	"marginledger/projector"
)

// The crowd's markets: prices have 4 digits after the point, sizes 3, and every market begins at 100.
const (
	crowdMarkets    = 200
	crowdPriceScale = 4
	crowdSizeScale  = 3
	crowdPrice      = 100_0000
	crowdPrefix     = "owner-"
	crowdDrifting   = 50 // the smallest markets, which drift
)

// crowd is a shard of many accounts near and far from their first margin call. Markets are of Zipf popularity, exponent
// 1: of 1M accounts with 2.8 positions each the largest is held by more than 400,000. It also keeps what it made
// up, so that a scan can be computed without the fold.
type crowd struct {
	*fold
	rng     *rand.Rand
	markets []string
	prices  []float64 // at crowdPriceScale
	weights []float64 // of markets, added up

	deposits []int64 // by account, 6 digits
	first    []int32 // by account: of its holdings; and the end
	held     []holding
	open     []bool // by account: announcements say that it is in an episode

	mark events.MarkPrice
	tally
}

// holding is a position, entered at crowdPrice.
type holding struct {
	size   int64 // signed
	market int32
}

// tally is what was announced.
type tally struct {
	announced, triggered, ofLargest int
	digest                          hash.Hash // of the announcements' JSON
	json                            []byte
}

// Rates of the crowd's two tiers, and the notional at which the second begins.
const (
	crowdRate  = 1 // per cent; of the second tier twice that
	crowdTier  = 100_000
	crowdCalls = 2 // the first margin call, over maintenance
)

// newCrowd folds the facts of a crowd. Accounts are as far from their first call as all their markets must move against
// them: uniformly between least and a half.
func newCrowd(accounts int, least float64) (*crowd, error) {
	c := &crowd{fold: newFold(), rng: rand.New(rand.NewPCG(1, 2)), open: make([]bool, accounts)}
	c.digest = sha256.New()
	sum := 0.0
	for m := range crowdMarkets {
		sum += 1 / float64(m+1)
		c.weights = append(c.weights, sum)
		c.markets, c.prices = append(c.markets, fmt.Sprintf("M%03d-PERP", m)), append(c.prices, crowdPrice)
	}
	if err := c.found(); err != nil {
		return nil, err
	}
	for i := range accounts {
		if err := c.settle(i, least); err != nil {
			return nil, err
		}
		if i%1000 == 0 {
			c.shard.TakeChanged(func(projector.Row) {})
		}
	}
	c.first = append(c.first, int32(len(c.held)))
	c.shard.TakeChanged(func(projector.Row) {})
	return c, nil
}

func (c *crowd) found() error {
	err := c.apply("", &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: asset, ValueScale: 12})
	for _, name := range c.markets {
		if err == nil {
			err = c.apply("", &events.MarketListed{Market: name, Underlying: "U", PriceScale: crowdPriceScale, SizeScale: crowdSizeScale,
				MaxPrice: events.MustNumber("100000"), MaxSize: events.MustNumber("1000000"), Rules: events.MarketRules{
					FundingMode: events.FundingByIndex,
					Tiers: []events.Tier{
						{LowerNotional: events.MustNumber("0"), MaxLeverage: 50, MaintenanceRate: number(crowdRate, 2), Deduction: events.MustNumber("0")},
						{LowerNotional: number(crowdTier, 0), MaxLeverage: 20, MaintenanceRate: number(2*crowdRate, 2), Deduction: number(crowdTier*crowdRate, 2)},
					}}})
		}
		if err == nil {
			err = c.apply("", &events.MarkPrice{Market: name, Mark: number(crowdPrice, crowdPriceScale)})
		}
	}
	return err
}

// settle opens account i: 10, 25, 40 and 25 % have 1, 2, 3 and 4 positions, their sizes are log-normal.
func (c *crowd) settle(i int, least float64) error {
	owner := c.owner(i)
	start := len(c.held)
	c.first = append(c.first, int32(start))
	notional := 0.0
	for many := 1 + sort.SearchFloat64s([]float64{0.10, 0.35, 0.75}, c.rng.Float64()); many > 0; {
		m := int32(sort.SearchFloat64s(c.weights, c.rng.Float64()*c.weights[crowdMarkets-1]))
		if c.holds(start, m) {
			continue
		}
		size := int64(math.Exp(6+c.rng.NormFloat64()*1.5)) + 1
		notional += float64(size) / 1000 * 100
		if c.rng.IntN(2) == 0 {
			size = -size
		}
		c.held = append(c.held, holding{size, m})
		many--
	}
	far := least + (0.5-least)*c.rng.Float64()
	deposit := int64((far+crowdCalls*crowdRate/100.0)*notional*1e6) + 1
	c.deposits = append(c.deposits, deposit)
	if err := c.apply(owner, &events.Deposit{Asset: asset, Amount: number(deposit, 6)}); err != nil {
		return err
	}
	fill := events.Fill{Leg: events.LegNet, TradeID: "t", Reason: events.ReasonTrade, Price: number(crowdPrice, crowdPriceScale)}
	for _, h := range c.held[start:] {
		fill.Market, fill.Side, fill.Size = c.markets[h.market], events.Buy, number(max(h.size, -h.size), crowdSizeScale)
		if h.size < 0 {
			fill.Side = events.Sell
		}
		if err := c.apply(owner, &fill); err != nil {
			return err
		}
	}
	return nil
}

func (c *crowd) holds(start int, m int32) bool {
	for _, h := range c.held[start:] {
		if h.market == m {
			return true
		}
	}
	return false
}

func (c *crowd) owner(i int) string { return fmt.Sprintf("%s%07d", crowdPrefix, i) }

// approach withdraws from those who are less than edge from their first call, so that they are between least and edge.
func (c *crowd) approach(least, edge float64) error {
	for i := range c.deposits {
		notional, equity := 0.0, float64(c.deposits[i])/1e6
		for _, h := range c.held[c.first[i]:c.first[i+1]] {
			size := float64(h.size) / 1000
			notional += math.Abs(size) * c.prices[h.market] / 1e4
			equity += size * (c.prices[h.market] - crowdPrice) / 1e4
		}
		far := equity/notional - crowdCalls*crowdRate/100.0
		if far < least || far >= 2*edge {
			continue
		}
		amount := int64((far - least - (edge-least)*c.rng.Float64()) * notional * 1e6)
		if amount <= 0 {
			continue
		}
		c.deposits[i] -= amount
		if err := c.apply(c.owner(i), &events.Withdrawal{Asset: asset, Amount: number(amount, 6)}); err != nil {
			return err
		}
	}
	c.shard.TakeChanged(func(projector.Row) {})
	return nil
}

// step moves a market's price by so many basis points.
func (c *crowd) step(m int, bp float64) {
	c.prices[m] *= 1 + bp/10_000
}

// tick folds the price of a market, and returns how long that took.
func (c *crowd) tick(m int) (time.Duration, error) {
	c.mark = events.MarkPrice{Market: c.markets[m], Mark: number(int64(c.prices[m]), crowdPriceScale)}
	c.next("", &c.mark)
	begun := time.Now()
	fx := c.shard.Apply(&c.record)
	took := time.Since(begun)
	if len(fx.DeadLetters) > 0 {
		return 0, fmt.Errorf("the fold refused a price: %v", fx.Outputs)
	}
	if len(fx.Outputs) > 0 {
		if m == 0 {
			c.ofLargest += len(fx.Outputs)
		}
		return took, c.note(fx.Outputs)
	}
	return took, nil
}

// note counts announcements, and who is in an episode.
func (c *crowd) note(outputs []events.Output) error {
	c.announced += len(outputs)
	for i := range outputs {
		o := &outputs[i]
		c.json = o.AppendJSON(c.json[:0])
		c.digest.Write(c.json)
		text, _ := strings.CutPrefix(o.Owner, crowdPrefix)
		k, err := strconv.Atoi(text)
		if err != nil || k >= len(c.open) {
			return fmt.Errorf("an announcement about %q, who is not in the crowd", o.Owner)
		}
		switch o.Kind {
		case events.KindLiquidationTriggered, events.KindPoolBankrupt:
			c.open[k] = true
			c.triggered++
		case events.KindLiquidationCleared:
			c.open[k] = false
		}
	}
	return nil
}

// walk is a seeded random walk of all markets. The smallest ones drift, so that a short walk has somebody to call.
type walk struct {
	least, most float64 // basis points per tick
	drift       float64 // basis points per tick of the smallest markets
}

// move moves a market by a tick.
func (c *crowd) move(m int, w walk) {
	bp := w.least + (w.most-w.least)*c.rng.Float64()
	if c.rng.IntN(2) == 0 {
		bp = -bp
	}
	if m >= crowdMarkets-crowdDrifting {
		bp += w.drift * float64(1-2*(m&1))
	}
	c.step(m, bp)
}

// round ticks every market once, the largest last, and returns how long that one took.
func (c *crowd) round(w walk) (took time.Duration, err error) {
	for k := range crowdMarkets {
		m := crowdMarkets - 1 - k
		c.move(m, w)
		if took, err = c.tick(m); err != nil {
			return 0, err
		}
	}
	if c.rng.IntN(5) == 0 {
		c.shard.TakeChanged(func(projector.Row) {})
	}
	return took, nil
}

// twin returns a shard that was restored from the crowd's rows, as after a restart.
func (c *crowd) twin() (*projector.Shard, error) {
	t := projector.New(projector.Config{})
	var err error
	c.shard.EachRow(func(r projector.Row) {
		if err == nil {
			err = t.LoadRow(r.Key, r.Value)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("copy a shard by its rows: %w", err)
	}
	return t, t.Loaded(c.shard.Counters())
}

// fork returns a crowd of its own that is where this one is.
func (c *crowd) fork() (*crowd, error) {
	shard, err := c.twin()
	if err != nil {
		return nil, err
	}
	d := *c
	d.fold = &fold{numbered: c.numbered, shard: shard, now: c.now}
	d.rng = rand.New(rand.NewPCG(3, 4))
	d.prices, d.deposits, d.open = slices.Clone(c.prices), slices.Clone(c.deposits), slices.Clone(c.open)
	d.digest, d.json = sha256.New(), nil
	return &d, nil
}
