// Package task is the reduced task that every engine is given: the cash and positions of an account, and whether its
// equity covers a flat maintenance, asked after each of its fills at the price of its last fill in every market.
//
// It is what goka runs, and what the ledger's pipeline runs in place of the ledger's fold; the Streams topology has it a
// second time, in Java, and the runner a third time, in decimals, to say what must come out. Amounts are integers:
// prices at 2 digits after the point, sizes at 3, money at 6. Nothing is rounded but the maintenance that is shown.
package task

import (
	"fmt"
	"math/bits"
	"slices"
)

// Digits after the point.
const (
	PriceScale = 2
	SizeScale  = 3
	CashScale  = 6

	perUnit = 10 // of money, at CashScale, in one unit of price · size: 10^(CashScale − PriceScale − SizeScale)
)

// MaintenanceDivisor is one over the maintenance rate: 5 %.
const MaintenanceDivisor = 20

// Fact is a deposit or a fill, whichever Market says.
type Fact struct {
	Amount int64 // of a deposit, at CashScale, > 0

	Market string // of a fill; "": a deposit
	Size   int64  // at SizeScale, signed: > 0 bought, < 0 sold
	Price  int64  // at PriceScale, > 0
	Fee    int64  // at CashScale, paid by the account
}

// Account is the state of one account.
type Account struct {
	Cash      int64      // at CashScale: deposits, less what was bought, plus what was sold, less fees
	Positions []Position // by market name; none has size 0
}

// Position is what an account holds in a market.
type Position struct {
	Market string
	Size   int64 // at SizeScale, signed
	Last   int64 // at PriceScale: price of the account's last fill here
}

// Alert is one output: equity is below maintenance after a fill.
type Alert struct {
	Equity      int64 // at CashScale
	Maintenance int64 // at CashScale, rounded up
}

// Apply applies a fact, and says whether there is an alert. What does not fit 64 bits is an error; the account is then
// of no use any more.
func (a *Account) Apply(f *Fact) (Alert, bool, error) {
	var c checked
	if f.Market == "" {
		a.Cash = c.add(a.Cash, f.Amount)
		return Alert{}, false, c.err()
	}
	a.Cash = c.sub(a.Cash, c.value(f.Size, f.Price))
	a.Cash = c.sub(a.Cash, f.Fee)
	a.trade(f, &c)
	equity, gross := a.Cash, int64(0)
	for i := range a.Positions {
		v := c.value(a.Positions[i].Size, a.Positions[i].Last)
		equity = c.add(equity, v)
		gross = c.add(gross, max(v, -v))
	}
	// equity < gross / divisor, without dividing.
	if c.mul(equity, MaintenanceDivisor) >= gross {
		return Alert{}, false, c.err()
	}
	maintenance := gross / MaintenanceDivisor
	if gross%MaintenanceDivisor != 0 {
		maintenance++
	}
	return Alert{equity, maintenance}, true, c.err()
}

func (a *Account) trade(f *Fact, c *checked) {
	i, held := slices.BinarySearchFunc(a.Positions, f.Market, func(p Position, m string) int {
		switch {
		case p.Market < m:
			return -1
		case p.Market > m:
			return 1
		}
		return 0
	})
	if !held {
		a.Positions = slices.Insert(a.Positions, i, Position{Market: f.Market})
	}
	p := &a.Positions[i]
	p.Size, p.Last = c.add(p.Size, f.Size), f.Price
	if p.Size == 0 {
		a.Positions = slices.Delete(a.Positions, i, i+1)
	}
}

// checked is 64-bit arithmetic that notices when it does not fit.
type checked struct{ over bool }

func (c *checked) err() error {
	if c.over {
		return fmt.Errorf("an amount does not fit 64 bits")
	}
	return nil
}

func (c *checked) add(a, b int64) int64 {
	s := a + b
	c.over = c.over || (s > a) != (b > 0)
	return s
}

func (c *checked) sub(a, b int64) int64 {
	s := a - b
	c.over = c.over || (s < a) != (b > 0)
	return s
}

func (c *checked) mul(a, b int64) int64 {
	hi, lo := bits.Mul64(uint64(max(a, -a)), uint64(max(b, -b)))
	c.over = c.over || hi != 0 || int64(lo) < 0
	return a * b
}

// value is size · price, at CashScale.
func (c *checked) value(size, price int64) int64 { return c.mul(c.mul(size, price), perUnit) }
