package runner

import (
	"fmt"
	"math/rand/v2"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/peers/task"
)

// The made-up venue. Its rules are the reduced task's, so that the ledger itself asks for the same maintenance.
const (
	venue   = "peers"
	asset   = "USDC"
	markets = 200
	mark    = 100_00 // of every market, at task.PriceScale; fills are within half a per cent of it

	thinEvery = 85 // so that one fact in a hundred has an output, with nine fills to a deposit
)

// world makes up facts: deposits of every account, then fills. One account in a hundred is thin: its fills leave it below
// maintenance, but where they close it or nearly; and one fill in thinEvery is of a thin account. All follows from the seed.
type world struct {
	rng     *rand.Rand
	active  *rand.Zipf
	owners  []string
	thin    int // the last so many
	markets [][]string
	fill    events.Fill
}

func newWorld(accounts int, seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 11)), thin: max(accounts/100, 1)}
	w.active = rand.NewZipf(w.rng, 1.1, 8, uint64(accounts-w.thin-1))
	popular := rand.NewZipf(w.rng, 1.2, 2, markets-1)
	for i := range accounts {
		w.owners = append(w.owners, fmt.Sprintf("owner-%07d", i))
		var own []string
		for range 1 + w.rng.IntN(4) {
			own = append(own, market(int(popular.Uint64())))
		}
		w.markets = append(w.markets, own)
	}
	return w
}

func market(i int) string { return fmt.Sprintf("M%03d-PERP", i) }

// rules are the facts that the ledger itself needs: a venue, its markets, and their marks.
func (w *world) rules(out func(body events.Body) error) error {
	err := out(&events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: asset, ValueScale: 12})
	for i := range markets {
		if err == nil {
			err = out(&events.MarketListed{Market: market(i), Underlying: "U", PriceScale: task.PriceScale, SizeScale: task.SizeScale,
				MaxPrice: events.MustNumber("1000000"), MaxSize: events.MustNumber("1000000"), Rules: events.MarketRules{
					FundingMode: events.FundingByIndex,
					Tiers: []events.Tier{{LowerNotional: events.MustNumber("0"), MaxLeverage: 20 / 2,
						MaintenanceRate: number(100/task.MaintenanceDivisor, 2), Deduction: events.MustNumber("0")}},
				}})
		}
	}
	return err
}

// marks are the marks of every market.
func (w *world) marks(out func(body events.Body) error) error {
	var err error
	for i := range markets {
		if err == nil {
			err = out(&events.MarkPrice{Market: market(i), Mark: number(mark, task.PriceScale)})
		}
	}
	return err
}

// facts calls out with so many facts of accounts, the deposits among them.
func (w *world) facts(many int, out func(owner string, body events.Body) error) error {
	for i, owner := range w.owners {
		amount := events.MustNumber("10000000")
		if i >= len(w.owners)-w.thin {
			amount = events.MustNumber("0.5")
		}
		if err := out(owner, &events.Deposit{Asset: asset, Amount: amount}); err != nil {
			return err
		}
	}
	for n := len(w.owners); n < many; n++ {
		i := int(w.active.Uint64())
		if n%thinEvery == 0 {
			i = len(w.owners) - 1 - w.rng.IntN(w.thin)
		}
		if err := out(w.owners[i], w.trade(i)); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) trade(account int) *events.Fill {
	own := w.markets[account]
	w.fill = events.Fill{Market: own[w.rng.IntN(len(own))], Leg: events.LegNet, Side: events.Buy + events.Side(w.rng.IntN(2)),
		Size: number(1+w.rng.Int64N(5000), task.SizeScale), Price: number(mark-50+w.rng.Int64N(101), task.PriceScale),
		Fee: number(5, 3), FeeAsset: asset, TradeID: "t-000000001", OrderID: "o-000000001", Liquidity: events.Taker, Reason: events.ReasonTrade}
	return &w.fill
}

func number(coef int64, scale int) events.Number {
	return events.NumberOf(fixed.FromInt64(coef), scale)
}
