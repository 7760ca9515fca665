package bench

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"marginledger/events"
	"marginledger/internal/config"
	"marginledger/projector"
)

// folds is what decoded fills cost on one core: everything but decoding, hashing and storing.
var folds = benchmark{
	figures: []Figure{
		{Name: "fold_100k_eps", Unit: "events/s", Goal: "> 1500000", Note: foldNote},
		{Name: "fold_1m_eps", Unit: "events/s", Goal: "> 600000", Note: foldNote},
		{Name: "fold_allocs", Unit: "allocations/event", Goal: "<= 0", Note: "heap objects over fills of positions that are there, at 100,000 accounts; changed rows included"},
	},
	quick:   true,
	measure: measureFolds,
}

const foldNote = "decoded fills, per core; accounts Zipf 1.1, markets that they hold; changed rows taken every 8,192 facts; memory read ahead for 32 facts; sequenced producer"

// fills are made up before they are folded: the dice would be a good part of it. They are repeated, every
// other time the other way round, so that positions do not grow.
type fills struct {
	*fold
	bodies []events.Fill
	owners []string
	next   int
	facts  [aheadFills]events.Event
	ahead  [aheadFills]*events.Event
}

const aheadFills = 32

func newFills(w *world, f *fold) *fills {
	const many = 1 << 16
	s := &fills{fold: f, bodies: make([]events.Fill, many), owners: make([]string, many)}
	for i := range s.bodies {
		owner, fill := w.trade()
		s.bodies[i], s.owners[i] = *fill, owner
	}
	return s
}

// one folds one fill. As in the service, what the next few will need is read ahead.
func (s *fills) one() error {
	i := s.next % len(s.bodies)
	if i%aheadFills == 0 {
		for k := range s.ahead {
			s.ahead[k] = &s.facts[k]
			s.facts[k] = events.Event{Type: events.TypeFill, Owner: s.owners[i+k]}
		}
		s.shard.ReadAhead(s.ahead[:])
	}
	if i == 0 && s.next > 0 {
		for k := range s.bodies {
			s.bodies[k].Side = events.Buy + events.Sell - s.bodies[k].Side
		}
	}
	err := s.apply(s.owners[i], &s.bodies[i])
	if s.next++; s.next%8192 == 0 {
		s.shard.TakeChanged(func(projector.Row) {})
	}
	return err
}

func measureFolds(r *run) (map[string]float64, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(config.Default().Memory.GCPercent)) // as the service has it
	values := map[string]float64{}
	for _, c := range []struct {
		name        string
		full, small int
	}{{"fold_100k_eps", 100_000, 100_000}, {"fold_1m_eps", largeCrowd, quickCrowd}} {
		if !r.wanted(c.name) && (c.name != "fold_100k_eps" || !r.wanted("fold_allocs")) {
			continue
		}
		w := newWorld(r.accounts(c.full, c.small), 200)
		f, err := settled(w)
		if err != nil {
			return nil, err
		}
		s := newFills(w, f)
		for range s.bodies { // which are repeated: from then on every position is there
			if err := s.one(); err != nil {
				return nil, err
			}
		}
		ns, err := r.perCall(1024, s.one)
		if err != nil {
			return nil, err
		}
		r.say("%s: %d accounts, %.0f ns a fill", c.name, len(w.owners), ns)
		r.note(c.name, fmt.Sprintf("%d accounts, %.0f ns", len(w.owners), ns))
		values[c.name] = 1e9 / ns
		if c.name == "fold_100k_eps" {
			if values["fold_allocs"], err = allocations(len(s.bodies), s.one); err != nil {
				return nil, err
			}
		}
	}
	return values, nil
}

// allocations returns how many heap objects a call makes on average.
func allocations(calls int, f func() error) (float64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		if err := f(); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(calls), nil
}

// growth is how the costs of a price and of a fill grow with accounts.
var growth = benchmark{
	figures: []Figure{{Name: "growth", Unit: "ratio", Note: "cost of a fill at the most accounts over that at the fewest; calm price of the largest market and fill, by accounts; drawn with --svg"}},
	measure: measureGrowth,
}

// point is one size of the curve.
type point struct {
	accounts   int
	tick, fill float64 // ns
}

func measureGrowth(r *run) (map[string]float64, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(config.Default().Memory.GCPercent))
	var curve []point
	for _, n := range []int{10_000, 30_000, 100_000, 300_000, 1_000_000} {
		if r.most > 0 && n > r.most {
			break
		}
		p, err := r.point(n)
		if err != nil {
			return nil, err
		}
		r.say("%d accounts: price %.0f ns, fill %.0f ns", n, p.tick, p.fill)
		curve = append(curve, p)
	}
	var text []string
	for _, p := range curve {
		text = append(text, fmt.Sprintf("%d: price %.0f ns, fill %.0f ns", p.accounts, p.tick, p.fill))
	}
	if len(curve) == 0 {
		return nil, fmt.Errorf("fewer accounts than the curve begins with")
	}
	r.note("growth", strings.Join(text, "; "))
	if r.plot != "" {
		if err := os.WriteFile(r.plot, []byte(plot(curve)), 0o600); err != nil {
			return nil, fmt.Errorf("draw the curve: %w", err)
		}
	}
	return map[string]float64{"growth": curve[len(curve)-1].fill / curve[0].fill}, nil
}

// point measures one size: prices first, as fills change what the crowd knows of itself.
func (r *run) point(accounts int) (point, error) {
	p := point{accounts: accounts}
	c, err := newCrowd(accounts, 0.01)
	if err != nil {
		return p, err
	}
	rounds := r.size(20_000, 1_000)
	for range rounds {
		took, err := c.round(calmWalk)
		if err != nil {
			return p, err
		}
		p.tick += float64(took.Nanoseconds()) / float64(rounds)
	}
	const many = 1 << 16
	s := &fills{fold: c.fold, bodies: make([]events.Fill, many), owners: make([]string, many)}
	for i := range s.bodies { // each of a position that is there, of an account like any other
		k := c.rng.IntN(accounts)
		held := c.held[c.first[k]:c.first[k+1]]
		h := held[c.rng.IntN(len(held))]
		s.owners[i] = c.owner(k)
		s.bodies[i] = events.Fill{Market: c.markets[h.market], Leg: events.LegNet, Side: events.Buy + events.Side(c.rng.IntN(2)), Size: number(1, crowdSizeScale),
			Price: number(int64(c.prices[h.market]), crowdPriceScale), TradeID: "t", Reason: events.ReasonTrade}
	}
	p.fill, err = r.perCall(1024, s.one)
	return p, err
}
