package dydx_test

import (
	"math/big"
	"testing"

	"marginledger/projector/margin/dydx"
)

// short returns a block in which account 0 is short of 1 BTC at 50,000 and liquidatable, and account 1
// long of as much.
func short() *dydx.Block {
	return &dydx.Block{Markets: markets(), Market: btc, Step: i(100), Fund: i(0),
		Accounts: []dydx.Subaccount{holding(54_000_000_000, btc, -100_000_000), holding(50_000_000_000, btc, 100_000_000)},
		Config: dydx.Config{MaximumFee: i(5_000), BankruptcyAdjustment: i(1_000_000), Spread: i(1_000_000), MinimumNotional: i(1_000),
			MaximumPortion: i(1_000_000), BlockNotional: i(100_000_000_000), BlockInsurance: i(0)}}
}

// TestBestPriceFirst: and among equals the first of the list; what is dearer than the fillable price
// stays.
func TestBestPriceFirst(t *testing.T) {
	b := short()
	for _, price := range []int64{501, 499, 999, 499} {
		b.Book = append(b.Book, dydx.Resting{Account: 1, Size: i(30_000_000), Price: big.NewRat(price, 1)})
	}
	events, err := b.Run([]int{0, 1})
	if err != nil || len(events) != 3 {
		t.Fatal(events, err)
	}
	for k, want := range []int64{499, 499, 501} {
		if e := events[k]; e.Account != 0 || !e.Buy || e.Price.Cmp(big.NewRat(want, 1)) != 0 {
			t.Errorf("event %d: %+v, want a purchase at %d", k, e, want)
		}
	}
	for k, want := range []int64{0, 0, 30_000_000, 0} {
		equal(t, "left on the book", b.Book[k].Size, i(want))
	}
}

// TestOwnOrdersDoNotFill: a liquidation order passes over those of its account.
func TestOwnOrdersDoNotFill(t *testing.T) {
	b := short()
	b.Book = []dydx.Resting{{Account: 0, Size: i(100_000_000), Price: big.NewRat(500, 1)}}
	if events, err := b.Run([]int{0}); err != nil || len(events) != 0 {
		t.Error(events, err)
	}
}

// TestBlockNotionalBindsFills: less than a step is left, so a step is asked for, and no fill allowed.
func TestBlockNotionalBindsFills(t *testing.T) {
	b := short()
	b.Book = []dydx.Resting{{Account: 1, Size: i(100_000_000), Price: big.NewRat(500, 1)}}
	b.Config.BlockNotional = i(49_999) // a step is 50,000
	if events, err := b.Run([]int{0}); err != nil || len(events) != 0 {
		t.Error(events, err)
	}
	b.Config.BlockNotional = i(50_000)
	if events, err := b.Run([]int{0}); err != nil || len(events) != 1 {
		t.Error(events, err)
	}
}

// TestOffsetsOnlyOpposite: accounts of the same side, and without a position, are passed over.
func TestOffsetsOnlyOpposite(t *testing.T) {
	accounts := []dydx.Subaccount{holding(49_000_000_000, btc, -100_000_000), holding(100_000_000_000, btc, -1),
		{USDC: i(1)}, holding(50_000_000_000, btc, 60_000_000), holding(50_000_000_000, btc, 60_000_000)}
	parts, rest, err := markets().OffsetAll(accounts, 0, btc, i(100_000_000), dydx.AtBankruptcy)
	if err != nil || len(parts) != 2 {
		t.Fatal(parts, err)
	}
	for k, want := range []struct{ against, size int64 }{{3, 60_000_000}, {4, 40_000_000}} {
		equal(t, "against", i(int64(parts[k].Against)), i(want.against))
		equal(t, "size", parts[k].Size, i(want.size))
	}
	equal(t, "rest", rest, i(0))
	equal(t, "left", accounts[0].USDC, i(0))
}

// TestRateBound: the bound of a rate is floored, and so is the fraction in it (§5).
func TestRateBound(t *testing.T) {
	tier := dydx.Tier{Initial: i(33_333), Maintenance: i(777_777)}
	equal(t, "bound", tier.MaximumRate(i(6_000_000)), i(6*(33_333-25_925)))
	equal(t, "bound", tier.MaximumRate(i(500_100)), i(3_704)) // 3,704.74…
}
