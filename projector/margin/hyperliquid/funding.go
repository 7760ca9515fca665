package hyperliquid

import (
	"math/big"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// FundingRegime is a rule for the funding rate (§9).
type FundingRegime struct {
	Name  string
	From  string   // first hour that follows it, UTC
	Hours int64    // between two payments
	Clamp *big.Rat // of the interest's pull toward 0.0001; nil: no interest
}

var fundingRegimes = []FundingRegime{
	{Name: "2023-05..06-08", From: "2023-05-01T00:00Z", Hours: 8, Clamp: big.NewRat(3, 10_000)},
	{Name: "2023-06-08..06-16", From: "2023-06-08T01:00Z", Hours: 1, Clamp: big.NewRat(3, 10_000)},
	{Name: "2023-06-16..07-15", From: "2023-06-16T21:00Z", Hours: 1},
	{Name: "2023-07-15..now", From: "2023-07-15T03:00Z", Hours: 1, Clamp: big.NewRat(5, 10_000)},
}

// FundingRegimes returns the regimes, oldest first.
func FundingRegimes() []FundingRegime { return append([]FundingRegime(nil), fundingRegimes...) }

// Regime returns the regime of a version.
func (r Rules) Regime() FundingRegime {
	f, ok := FundingByName(r.Funding)
	if !ok {
		panic("hyperliquid: version " + r.Version + " without funding")
	}
	return f
}

// FundingByName returns a regime.
func FundingByName(name string) (FundingRegime, bool) {
	for _, f := range fundingRegimes {
		if f.Name == name {
			return f, true
		}
	}
	return FundingRegime{}, false
}

// FundingAt returns the regime of an hour, written as From is; the first one before its start.
func FundingAt(hour string) FundingRegime {
	out := fundingRegimes[0]
	for _, f := range fundingRegimes[1:] {
		if f.From <= hour {
			out = f
		}
	}
	return out
}

var (
	interest   = big.NewRat(1, 10_000) // per 8 hours
	fundingCap = big.NewRat(4, 100)    // per hour
)

// Rate returns the rate of one payment for a premium, worked out in doubles, each step rounded:
// (P + clamp(0.0001 − P))·hours/8, within ±4 % an hour.
func (f FundingRegime) Rate(premium *big.Rat) *big.Rat {
	double := margin.Binary64
	x := double(premium)
	if f.Clamp != nil {
		pull := double(new(big.Rat).Sub(double(interest), x))
		x = double(new(big.Rat).Add(x, clamp(pull, double(f.Clamp))))
	}
	x = double(new(big.Rat).Mul(x, big.NewRat(f.Hours, 8)))
	return clamp(x, double(new(big.Rat).Mul(fundingCap, big.NewRat(f.Hours, 1))))
}

// Formula returns the rule for people: P is the mean premium of the interval.
func (f FundingRegime) Formula() string {
	rate := "P"
	if f.Clamp != nil {
		rate = "P + clamp(0.0001 − P, ±" + f.Clamp.FloatString(4) + ")"
	}
	if f.Hours == 8 {
		return rate + ", every 8 h"
	}
	if f.Clamp != nil {
		rate = "(" + rate + ")"
	}
	return rate + "/8, every hour"
}

// Breaks appends the rules that a rate of one payment breaks, at margin.FundingScale; seconds is the interval that it is
// said to be of, 0: it is not said (§9).
func (f FundingRegime) Breaks(rate int64, seconds uint32, dst []margin.Rule) []margin.Rule {
	if seconds != 0 && int64(seconds) != f.Hours*3600 {
		dst = append(dst, margin.RuleFundingInterval)
	}
	if most := new(big.Rat).Mul(fundingCap, big.NewRat(f.Hours, 1)); new(big.Rat).SetFrac64(abs(rate), fixed.Pow10(margin.FundingScale)).Cmp(most) > 0 {
		dst = append(dst, margin.RuleFundingCap)
	}
	return dst
}

// FundingBreaks implements margin.FundingRules by the version's regime.
func (p *Profile) FundingBreaks(_ *margin.Market, rate int64, seconds uint32, dst []margin.Rule) []margin.Rule {
	return p.rules.Regime().Breaks(rate, seconds, dst)
}

func clamp(x, bound *big.Rat) *big.Rat {
	if low := new(big.Rat).Neg(bound); x.Cmp(low) < 0 {
		return low
	}
	if x.Cmp(bound) > 0 {
		return bound
	}
	return x
}

// FundingPayment returns what a position pays: size·oracle·rate, of the oracle price and not of the
// mark. A long pays where the rate is positive.
func FundingPayment(size, oracle, rate *big.Rat) *big.Rat {
	p := new(big.Rat).Mul(size, oracle)
	return p.Mul(p, rate)
}
