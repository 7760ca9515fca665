package gmx

import (
	"math/big"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

func testClaim(market, asset string, kind events.ClaimKind, amount int64) margin.Claim {
	return margin.Claim{Market: market, Asset: asset, Kind: kind, Amount: fixed.FromInt64(amount)}
}

func claimed(claims ...margin.Claim) []byte { return (&holder{claims: claims}).encode() }

// TestClaims: claims are lowered by no more than there is of their kind, and their encoding is the only one.
func TestClaims(t *testing.T) {
	const funding, impact = events.ClaimFunding, events.ClaimImpact
	p := &Profile{}
	a := &margin.Account{}
	a.State = p.Adopt(a, []margin.Claim{testClaim("ETH", "WETH", funding, 1), testClaim("ETH", "USDC", impact, 40), testClaim("BTC", "USDC", funding, 7),
		testClaim("ETH", "USDC", funding, 300)})
	a.Own = nil
	for _, step := range []struct {
		claim       margin.Claim
		known, left int64
		entries     int
	}{
		{testClaim("ETH", "USDC", funding, 100), 100, 200, 4},
		{testClaim("ETH", "USDC", impact, 30), 30, 10, 4},
		{testClaim("ETH", "USDC", funding, 201), 200, 0, 3},
		{testClaim("ETH", "USDC", funding, 5), 0, 0, 3},
		{testClaim("SOL", "USDC", funding, 5), 0, 0, 3},
		{testClaim("BTC", "USDC", funding, 7), 7, 0, 2},
		{testClaim("ETH", "WETH", funding, 1), 1, 0, 1},
		{testClaim("ETH", "USDC", impact, 11), 10, 0, 0},
	} {
		state, known := p.Claimed(a, step.claim)
		if known != fixed.FromInt64(step.known) {
			t.Errorf("%v: %v known, want %d", step.claim, known, step.known)
		}
		a.State, a.Own = state, nil
		claims, err := p.Claims(a)
		if err != nil || len(claims) != step.entries {
			t.Fatalf("%v: left %v (%v), want %d entries", step.claim, claims, err, step.entries)
		}
		var left fixed.Int128
		for _, c := range claims {
			if compareClaims(c, step.claim) == 0 {
				left = c.Amount
			}
		}
		if left != fixed.FromInt64(step.left) {
			t.Errorf("%v: %v left, want %d", step.claim, left, step.left)
		}
	}
	if len(a.State) != 0 {
		t.Errorf("nothing is claimable, state %x", a.State)
	}
}

// TestAccountParams: discounts stand beside claims, replace each other, and are factors.
func TestAccountParams(t *testing.T) {
	p := &Profile{}
	a := &margin.Account{State: claimed(testClaim("ETH", "USDC", events.ClaimImpact, 3))}
	set := func(params ...events.Param) error {
		state, err := p.SetParams(a, params)
		if err == nil {
			a.State, a.Own = state, nil
		}
		return err
	}
	if holderOf(a).discount() != nil {
		t.Error("a discount that nobody told")
	}
	if err := set(events.Param{Name: "proDiscount", Value: events.MustNumber("0.2")}, events.Param{Name: "referralDiscount", Value: events.MustNumber("0.05")}); err != nil {
		t.Fatal(err)
	}
	if d := holderOf(a).discount(); d == nil || d.Pro.Cmp(mul(big.NewInt(2), pow10(29))) != 0 || d.Referral.Cmp(mul(big.NewInt(5), pow10(28))) != 0 || !d.Referred {
		t.Errorf("discounts are %+v", d)
	}
	if err := set(events.Param{Name: "proDiscount", Value: events.MustNumber("0")}); err != nil {
		t.Fatal(err)
	}
	if h := holderOf(a); h.pro == nil || h.pro.Sign() != 0 || h.referral != nil || len(h.claims) != 1 {
		t.Errorf("kept is %+v", h)
	}
	for _, bad := range []events.Param{{Name: "proDiscount", Value: events.MustNumber("1.1")}, {Name: "referralDiscount", Value: events.MustNumber("-0.1")},
		{Name: "uiFee", Value: events.MustNumber("0")}} {
		if set(bad) == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	if err := set(); err != nil || string(a.State) != string(claimed(testClaim("ETH", "USDC", events.ClaimImpact, 3))) {
		t.Errorf("without params: %x, %v", a.State, err)
	}
}

// TestAccountDamaged: every state that encode does not give is refused; but version 1, without kinds, is read.
func TestAccountDamaged(t *testing.T) {
	one, other := testClaim("ETH", "USDC", events.ClaimFunding, 300), testClaim("BTC", "USDC", events.ClaimFunding, 300)
	good := string(claimed(one))
	for name, state := range map[string]string{
		"version":       "\x03" + good[1:],
		"nothing":       "\x02\x00\x00",
		"cut off":       good[:len(good)-1],
		"length":        good + "\xff",
		"leading zero":  "\x02\x00\x00\x03ETH\x04USDC\x01\x03\x00\x01\x2c",
		"zero":          "\x02\x00\x00\x03ETH\x04USDC\x01\x00",
		"kind":          "\x02\x00\x00\x03ETH\x04USDC\x03\x02\x01\x2c",
		"long length":   "\x02\x00\x00\x83\x00ETH\x04USDC\x01\x02\x01\x2c",
		"twice":         string(claimed(one, one)),
		"order":         string(claimed(one, other)),
		"past 128 bits": "\x02\x00\x00\x03ETH\x04USDC\x01\x11" + "\x01234567890abcdef0",
		"discount":      "\x02\x0e\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00",
		"old, nothing":  "\x01",
		"old, cut off":  "\x01\x03ETH\x04USDC\x02\x01",
		"old, twice":    "\x01\x03ETH\x04USDC\x01\x01\x03ETH\x04USDC\x01\x01",
	} {
		if claims, err := (&Profile{}).Claims(&margin.Account{State: []byte(state)}); err == nil {
			t.Errorf("%s: %x read as %v", name, state, claims)
		}
	}
	claims, err := (&Profile{}).Claims(&margin.Account{State: []byte("\x01\x03ETH\x04USDC\x02\x01\x2c")})
	if err != nil || len(claims) != 1 || claims[0] != one {
		t.Errorf("version 1 read as %v, %v", claims, err)
	}
}
