package projector_test

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/simulate/stream"
	"marginledger/projector"
)

var portfolioSeed = flag.Uint64("portfolio-seed", 0, "seed of TestPortfolioStreams; 0: a fixed range")

// TestPortfolioStreams folds random streams under portfolio margin: as usual, with restarts from rows, and with
// every holder judged at every move. The same is announced, the same rows come out, and the books balance.
func TestPortfolioStreams(t *testing.T) {
	first, last := uint64(1), uint64(40)
	if *portfolioSeed != 0 {
		first, last = *portfolioSeed, *portfolioSeed
	}
	kinds, worst := map[events.Kind]int{}, 0
	for seed := first; seed <= last; seed++ {
		rng := rand.New(rand.NewPCG(seed, 13))
		watched := projector.New(projector.Config{})
		records := stream.Random(rng, stream.Options{Records: 300, Calm: 30, Clean: seed%2 == 0, Watch: func(r *projector.Record) []events.Output {
			underPortfolio(rng, r)
			return watched.Apply(r).Outputs
		}})
		cfg := projector.Config{DedupeWindow: 64}
		steady, restarted, all := projector.New(cfg), projector.New(cfg), projector.New(cfg)
		all.JudgeAll()
		kept := map[string][]byte{}
		for i := range records {
			fx := steady.Apply(&records[i])
			a := announcements(fx)
			for _, o := range fx.Outputs {
				kinds[o.Kind]++
			}
			if b := announcements(restarted.Apply(&records[i])); a != b {
				t.Fatalf("seed %d, record %d: announced\n%s\nafter a restart\n%s\nrepeat: go test ./projector -run TestPortfolioStreams -portfolio-seed %d", seed, i, a, b, seed)
			}
			if b := announcements(all.Apply(&records[i])); a != b {
				t.Fatalf("seed %d, record %d: announced\n%s\nwith every holder judged\n%s\nrepeat: go test ./projector -run TestPortfolioStreams -portfolio-seed %d", seed, i, a, b, seed)
			}
			if rng.IntN(20) == 0 {
				restarted = restart(t, restarted, cfg, kept)
			}
		}
		if a, b := rows(steady), rows(restarted); a != b {
			t.Fatalf("seed %d: rows differ:\n%s\nafter restarts\n%s", seed, a, b)
		}
		for _, s := range steady.TrialBalance() {
			if s.Amount.Sign() != 0 {
				t.Errorf("seed %d: trial balance of %s is %s", seed, s.Asset, s.Amount)
			}
		}
		worst += scenariosIn(steady, records)
	}
	t.Logf("announced %v, %d pools with a worst scenario", kinds, worst)
	for _, k := range []events.Kind{events.KindMarginCall, events.KindMarginCallCleared, events.KindLiquidationTriggered, events.KindLiquidationCleared} {
		if kinds[k] == 0 && *portfolioSeed == 0 {
			t.Errorf("no %s: these streams prove nothing", k)
		}
	}
	if worst == 0 && *portfolioSeed == 0 {
		t.Error("no pool with a scenario")
	}
}

// underPortfolio turns settings of the standard profile into such of portfolio margin; half of the venues have
// risk groups that offset.
func underPortfolio(rng *rand.Rand, r *projector.Record) {
	if r.Event == nil {
		return
	}
	b, ok := r.Event.Body.(*events.VenueProfileSet)
	if !ok || b.Profile != "standard" {
		return
	}
	b.Profile = "portfolio"
	settings := map[string]string{"grid": "3", "group.BTC": "1", "range": "0.2", "step": "0.1"}
	if rng.IntN(2) == 0 {
		settings["group.ETH"], settings["offset.1.2"], settings["contingency.2"] = "2", "0.7", "0.01"
		settings["shock.01"], settings["shock.01.g2"], settings["weight.01"] = "0.3", "-0.1", "0.5"
	}
	params := slices.Clone(b.Params)
	for name, value := range settings {
		params = append(params, events.Param{Name: name, Value: events.MustNumber(value)})
	}
	slices.SortFunc(params, func(a, b events.Param) int { return strings.Compare(a.Name, b.Name) })
	b.Params = params
}

// scenariosIn counts the pools whose answer names a scenario.
func scenariosIn(s *projector.Shard, records []projector.Record) (n int) {
	seen := map[string]bool{}
	for i := range records {
		e := records[i].Event
		if e == nil || e.Owner == "" || seen[e.Venue+"/"+e.Owner] {
			continue
		}
		seen[e.Venue+"/"+e.Owner] = true
		if a := s.Account(e.Venue, e.Owner, e.Subaccount); a != nil && a.Pools[0].Worst.Name != "" {
			n++
		}
	}
	return n
}
