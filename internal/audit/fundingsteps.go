package audit

import (
	"fmt"
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/internal/postings"
)

// steps splits a posting of funding by the rates between its two indexes.
func (s *statementMaker) steps(e *postings.Entry) ([]FundingStep, error) {
	all, err := s.marketRates(e.Market)
	if err != nil {
		return nil, err
	}
	whole := new(big.Int).Sub(e.To.Big(), e.From.Big())
	if whole.Sign() == 0 {
		return nil, nil
	}
	var out []FundingStep
	index, left := e.From, e.Amount
	for i := range all {
		r := &all[i]
		if r.N <= e.Since || r.N > e.N {
			continue
		}
		moved := new(big.Int).Sub(r.To.Big(), index.Big())
		index = r.To
		amount, ok := fixed.FromBig(floorDiv(new(big.Int).Mul(e.Amount.Big(), moved), whole))
		if !ok {
			return nil, fmt.Errorf("the share of rate %s in the funding of record %d does not fit", r.Event, e.N)
		}
		left = left.Sub(amount)
		out = append(out, FundingStep{N: r.N, Time: events.FormatTime(r.Time), Source: fmt.Sprintf("%s/%d@%d", r.Topic, r.Part, r.Offset), Event: r.Event,
			Amount: events.NumberOf(amount, int(e.Scale))})
	}
	if index != e.To || len(out) == 0 {
		return nil, nil // Rates before what is there: the line stands for itself.
	}
	last := &out[len(out)-1]
	last.Amount = sum(last.Amount, events.NumberOf(left, int(e.Scale)))
	return out, nil
}

// floorDiv divides toward −∞.
func floorDiv(a, b *big.Int) *big.Int {
	q, m := new(big.Int).QuoRem(a, b, new(big.Int))
	if m.Sign() != 0 && (m.Sign() < 0) != (b.Sign() < 0) {
		q.Sub(q, big.NewInt(1))
	}
	return q
}

// marketRates returns the funding rates of a market, read once.
func (s *statementMaker) marketRates(market string) ([]postings.Entry, error) {
	if r, ok := s.rates[market]; ok {
		return r, nil
	}
	var all []postings.Entry
	for _, x := range s.index.segments {
		err := x.Rates(s.key.Venue, market, func(e *postings.Entry) error {
			all = append(all, *e)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	s.rates[market] = all
	return all, nil
}
