package bench

import (
	"fmt"
	"slices"
	"time"
)

// scan is what an engine does that looks at every holder of a market when its price moves, in a structure of arrays: what an
// account has over its maintenance is kept added up, a price brings that of each holder up to date and finds those
// below. As all markets tick, nothing less would do. Amounts are in 10⁻⁹ of the settlement asset.
type scan struct {
	excess  []int64 // by account: equity less maintenance
	account []int32 // of the holders, in order
	sizes   []int64 // likewise, signed
	price   int64   // at which excess is
	left    []int32 // found below maintenance: accounts
}

// scanOf gathers the accounts, and the holders of the largest market.
func (c *crowd) scanOf() *scan {
	s := &scan{price: int64(c.prices[0]), excess: make([]int64, len(c.deposits))}
	for i := range c.deposits {
		s.excess[i] = c.deposits[i] * 1000
		for _, h := range c.held[c.first[i]:c.first[i+1]] {
			price := int64(c.prices[h.market])
			s.excess[i] += 100*h.size*(price-crowdPrice) - maintenance(max(h.size, -h.size)*price)
			if h.market == 0 {
				s.account, s.sizes = append(s.account, int32(i)), append(s.sizes, h.size)
			}
		}
	}
	return s
}

// maintenance of a notional in 10⁻⁷, by the crowd's two tiers: in 10⁻⁹.
func maintenance(notional int64) int64 {
	const deduction = crowdTier * crowdRate * 10_000_000
	return max(crowdRate*notional, 2*crowdRate*notional-deduction)
}

// move takes the price to where it is now, and returns the accounts below maintenance.
func (s *scan) move(price int64) []int32 {
	s.left = s.left[:0]
	account := s.account[:len(s.sizes)]
	for i, size := range s.sizes {
		was, is := size*s.price, size*price
		a := account[i]
		excess := s.excess[a] + 100*(is-was) - maintenance(max(is, -is)) + maintenance(max(was, -was))
		s.excess[a] = excess
		if excess < 0 {
			s.left = append(s.left, a)
		}
	}
	s.price = price
	return s.left
}

// measure returns what a scan takes: the median of many, of prices a tick apart.
func (s *scan) measure() time.Duration {
	var took []time.Duration
	price := s.price
	for i := range 42 {
		begun := time.Now()
		s.move(price + int64(1-i&1))
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// agrees checks the fold by the scan: every holder below maintenance is in an episode.
func (s *scan) agrees(c *crowd) error {
	for _, k := range s.move(s.price) {
		if !c.open[k] {
			return fmt.Errorf("%s is below maintenance, and no liquidation was announced", c.owner(int(k)))
		}
	}
	return nil
}

// clockCost returns what it takes to look at the clock before and after nothing, in nanoseconds: every measured tick has
// it in it.
func clockCost() float64 {
	took := make([]float64, 10_001)
	for i := range took {
		begun := time.Now()
		took[i] = float64(time.Since(begun).Nanoseconds())
	}
	slices.Sort(took)
	return took[len(took)/2]
}
