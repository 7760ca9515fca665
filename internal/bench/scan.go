package bench

import (
	"fmt"
	"slices"
	"time"
)

// scan is what an engine does that looks at every holder of a market when its price moves: equity less maintenance of
// each, in a structure of arrays that has the rest of the account added up. Amounts are in 10⁻⁹ of the settlement asset.
type scan struct {
	rest    []int64 // equity less maintenance, but for this position's value and maintenance
	sizes   []int64 // signed
	account []int32
	left    []int32 // found below maintenance: indexes
}

// scanOf gathers the holders of the largest market.
func (c *crowd) scanOf() *scan {
	s := &scan{}
	for i := range c.deposits {
		rest, size := c.deposits[i]*1000, int64(0)
		for _, h := range c.held[c.first[i]:c.first[i+1]] {
			price := int64(c.prices[h.market])
			rest -= 100 * h.size * crowdPrice
			if h.market == 0 {
				size = h.size
				continue
			}
			rest += 100*h.size*price - maintenance(max(h.size, -h.size)*price)
		}
		if size != 0 {
			s.rest, s.sizes, s.account = append(s.rest, rest), append(s.sizes, size), append(s.account, int32(i))
		}
	}
	return s
}

// maintenance of a notional in 10⁻⁷, by the crowd's two tiers: in 10⁻⁹.
func maintenance(notional int64) int64 {
	const deduction = crowdTier * crowdRate * 10_000_000
	return max(crowdRate*notional, 2*crowdRate*notional-deduction)
}

// below finds the holders below maintenance at a price.
func (s *scan) below(price int64) []int32 {
	s.left = s.left[:0]
	sizes := s.sizes[:len(s.rest)]
	for i, rest := range s.rest {
		value := sizes[i] * price
		if rest+100*value < maintenance(max(value, -value)) {
			s.left = append(s.left, int32(i))
		}
	}
	return s.left
}

// measure returns what a scan takes: the median of many.
func (s *scan) measure(price int64) time.Duration {
	var took []time.Duration
	for range 41 {
		begun := time.Now()
		s.below(price)
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// agrees checks the fold by the scan: every holder below maintenance is in an episode.
func (s *scan) agrees(c *crowd) error {
	for _, i := range s.below(int64(c.prices[0])) {
		if k := s.account[i]; !c.open[k] {
			return fmt.Errorf("%s is below maintenance, and no liquidation was announced", c.owner(int(k)))
		}
	}
	return nil
}
