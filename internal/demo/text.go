package demo

import (
	"fmt"
	"strings"
)

// String is the result for people.
func (r *Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s facts in %.2f s: %s a second, %s cuts\n", thousands(r.Events), r.Seconds, thousands(int64(r.EventsPerSecond)), thousands(int64(r.Cuts)))
	fmt.Fprintf(&b, "%s accounts, %d markets: %s margin calls, %s liquidations, %s bankruptcies\n", thousands(int64(r.Accounts)), r.Markets,
		thousands(int64(r.MarginCalls)), thousands(int64(r.Liquidations)), thousands(int64(r.Bankruptcies)))
	fmt.Fprintf(&b, "%d violations, %d dead letters, %d duplicates\nchain %s\n", r.Violations, r.DeadLetters, r.Duplicates, r.Chain)
	return b.String() + r.Checks.String()
}

// String is the checks for people.
func (c *Checks) String() string {
	return fmt.Sprintf("replay agrees: %s\ntrial balance is zero: %s\noutputs exactly once: %s\n",
		yesNo(c.ReplayAgrees), yesNo(c.TrialBalanceZero), yesNo(c.OutputsExactlyOnce))
}

func yesNo(ok bool) string {
	if ok {
		return "yes"
	}
	return "NO"
}
