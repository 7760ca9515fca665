package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"sort"
	"strings"

	"github.com/shopspring/decimal"

	"marginledger/events"
	"marginledger/peers/task"
)

// reference does the reduced task a third time, in decimals and in no hurry, on the facts before they are encoded.
type reference struct {
	accounts map[string]*book
	alerts   []string // lines
}

// book is an account.
type book struct {
	cash      decimal.Decimal
	positions map[string]*holding
}

type holding struct{ size, last decimal.Decimal }

func newReference() *reference { return &reference{accounts: make(map[string]*book)} }

func (r *reference) apply(owner, id string, body events.Body) {
	b := r.accounts[owner]
	if b == nil {
		b = &book{positions: make(map[string]*holding)}
		r.accounts[owner] = b
	}
	switch f := body.(type) {
	case *events.Deposit:
		b.cash = b.cash.Add(f.Amount.Decimal())
	case *events.Fill:
		b.fill(f)
		equity, gross := b.equity(nil), decimal.Zero
		for _, h := range b.positions {
			gross = gross.Add(h.size.Mul(h.last).Abs())
		}
		need := gross.Div(decimal.NewFromInt(task.MaintenanceDivisor)) // exact: a twentieth of a decimal is one
		if equity.LessThan(need) {
			r.alerts = append(r.alerts, alertLine(owner, id, equity, need.RoundCeil(task.CashScale)))
		}
	default:
		panic(fmt.Sprintf("peers: a %T is not of the task", body))
	}
}

func (b *book) fill(f *events.Fill) {
	size, price := f.Size.Decimal(), f.Price.Decimal()
	if f.Side == events.Sell {
		size = size.Neg()
	}
	b.cash = b.cash.Sub(size.Mul(price)).Sub(f.Fee.Decimal())
	h := b.positions[f.Market]
	if h == nil {
		h = new(holding)
		b.positions[f.Market] = h
	}
	if h.size, h.last = h.size.Add(size), price; h.size.IsZero() {
		delete(b.positions, f.Market)
	}
}

// equity values positions at a price of all markets; nil: at the last fill of each.
func (b *book) equity(at *decimal.Decimal) decimal.Decimal {
	sum := b.cash
	for _, h := range b.positions {
		price := h.last
		if at != nil {
			price = *at
		}
		sum = sum.Add(h.size.Mul(price))
	}
	return sum
}

func (b *book) line(owner string) string {
	names := make([]string, 0, len(b.positions))
	for m := range b.positions {
		names = append(names, m)
	}
	sort.Strings(names)
	var s strings.Builder
	fmt.Fprintf(&s, "%s %s", owner, b.cash)
	for _, m := range names {
		fmt.Fprintf(&s, " %s:%s@%s", m, b.positions[m].size, b.positions[m].last)
	}
	return s.String()
}

// alertLine is an output in the form in which outputs are compared.
func alertLine(owner, id string, equity, maintenance decimal.Decimal) string {
	return fmt.Sprintf("%s %s %s %s", owner, id, equity, maintenance)
}

// accountLine is an account in the form in which states are compared.
func accountLine(owner string, a *task.Account) string {
	b := &book{cash: decimal.New(a.Cash, -task.CashScale), positions: make(map[string]*holding)}
	for _, p := range a.Positions {
		b.positions[p.Market] = &holding{decimal.New(p.Size, -task.SizeScale), decimal.New(p.Last, -task.PriceScale)}
	}
	return b.line(owner)
}

// outcome is what a run leaves: its outputs and the state of every account, as lines.
type outcome struct{ alerts, accounts []string }

func (r *reference) outcome() *outcome {
	o := &outcome{alerts: slices.Clone(r.alerts)}
	for owner, b := range r.accounts {
		o.accounts = append(o.accounts, b.line(owner))
	}
	o.sort()
	return o
}

// sort takes away the order in which partitions were read. An output that is there twice stays so.
func (o *outcome) sort() {
	sort.Strings(o.alerts)
	sort.Strings(o.accounts)
}

// digest is over accounts and outputs.
func (o *outcome) digest() string {
	h := sha256.New()
	for _, lines := range [][]string{o.accounts, o.alerts} {
		writeLines(h, lines)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

func writeLines(h hash.Hash, lines []string) {
	fmt.Fprintf(h, "%d\n", len(lines))
	for _, l := range lines {
		fmt.Fprintln(h, l)
	}
}

// same returns an error that names the first difference from what must have come out.
func (o *outcome) same(want *outcome) error {
	for _, c := range []struct {
		what      string
		have, exp []string
	}{{"account", o.accounts, want.accounts}, {"output", o.alerts, want.alerts}} {
		for i := range max(len(c.have), len(c.exp)) {
			have, exp := lineAt(c.have, i), lineAt(c.exp, i)
			if have != exp {
				return fmt.Errorf("%s %d of %d is %q, the reference has %q of %d", c.what, i, len(c.have), have, exp, len(c.exp))
			}
		}
	}
	return nil
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// compare counts what is wrong with what came out.
func compare(have, want *outcome) *Crash {
	c := new(Crash)
	extra, missing := differences(have.accounts, want.accounts)
	c.Accounts = max(len(extra), len(missing)) // each wrong account is one line too many and one too few
	extra, missing = differences(have.alerts, want.alerts)
	right := make(map[string]bool, len(want.alerts))
	for _, l := range want.alerts {
		right[l] = true
	}
	for _, l := range extra {
		if right[l] {
			c.Twice++
		} else {
			c.Wrong++
		}
	}
	c.Lost = len(missing)
	return c
}

// differences returns the lines of a that b does not have, and those of b that a does not; both are sorted, and a line
// may be there more than once.
func differences(a, b []string) (extra, missing []string) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			extra, a = append(extra, a[0]), a[1:]
		case len(a) == 0 || b[0] < a[0]:
			missing, b = append(missing, b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return extra, missing
}
