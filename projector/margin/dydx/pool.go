package dydx

import (
	"fmt"
	"math/big"
)

// MaximumSubaccount is the highest number of a subaccount (§8).
const MaximumSubaccount = 128_000

// parents is how many numbers are parents; the rest are their children.
const parents = 128

// Parent returns the number of the subaccount that front ends show another one under. The chain knows
// no parents: each subaccount is margined alone (§8).
func Parent(number uint32) (uint32, error) {
	if number > MaximumSubaccount {
		return 0, fmt.Errorf("dydx: %w %d", ErrSubaccount, number)
	}
	return number % parents, nil
}

// Pool names where collateral lies: the cross pool, or that of an isolated market, with an insurance
// fund and a gate of its own.
type Pool struct {
	Isolated bool
	Market   uint32 // if isolated
}

// PoolOf returns the pool of an account: that of the isolated market that it holds, else the cross one.
func (ms Markets) PoolOf(a *Subaccount) (Pool, error) {
	for i := range a.Positions {
		m, err := ms.Get(a.Positions[i].Market)
		if err != nil {
			return Pool{}, err
		}
		if m.Isolated {
			return Pool{true, m.ID}, nil
		}
	}
	return Pool{}, nil
}

// Moved is collateral that an update takes from one pool to another.
type Moved struct {
	From, To Pool
	Amount   *big.Int // quote quanta; below 0 the venue refuses the update
}

// PoolMove returns what an update moves, nil if nothing: all that the settled account had before it
// opened an isolated position, all that it has after it closed one (§8).
func (ms Markets) PoolMove(settled, after *Subaccount) (*Moved, error) {
	from, err := ms.PoolOf(settled)
	if err != nil {
		return nil, err
	}
	to, err := ms.PoolOf(after)
	if err != nil || from == to {
		return nil, err
	}
	if to.Isolated {
		return &Moved{from, to, settled.USDC}, nil
	}
	return &Moved{from, to, after.USDC}, nil
}

// GateBlocks is for how many blocks nothing leaves a pool (§8).
const GateBlocks = 50

// Gated reports that withdrawals and transfers of a pool are refused in a block: a subaccount below 0
// was seen in that pool, or the chain stood still for five minutes, at one of the blocks given; 0: never.
func Gated(block, negativeSeen, outageSeen uint64) bool {
	recent := func(seen uint64) bool { return seen != 0 && block < seen+GateBlocks }
	return recent(negativeSeen) || recent(outageSeen)
}
