package gmx

import (
	"testing"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// TestClaims: claims are lowered by no more than there is, and their encoding is the only one.
func TestClaims(t *testing.T) {
	p := &Profile{}
	claim := func(market, asset string, amount int64) margin.Claim {
		return margin.Claim{Market: market, Asset: asset, Amount: fixed.FromInt64(amount)}
	}
	a := &margin.Account{State: encodeClaims([]margin.Claim{claim("BTC", "USDC", 7), claim("ETH", "USDC", 300), claim("ETH", "WETH", 1)})}
	for _, step := range []struct {
		claim       margin.Claim
		known, left int64
		entries     int
	}{
		{claim("ETH", "USDC", 100), 100, 200, 3},
		{claim("ETH", "USDC", 201), 200, 0, 2},
		{claim("ETH", "USDC", 5), 0, 0, 2},
		{claim("SOL", "USDC", 5), 0, 0, 2},
		{claim("BTC", "USDC", 7), 7, 0, 1},
		{claim("ETH", "WETH", 1), 1, 0, 0},
	} {
		state, known := p.Claimed(a, step.claim)
		if known != fixed.FromInt64(step.known) {
			t.Errorf("%v: %v known, want %d", step.claim, known, step.known)
		}
		a.State = state
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

// TestClaimsDamaged: every state that encodeClaims does not give is refused.
func TestClaimsDamaged(t *testing.T) {
	one := margin.Claim{Market: "ETH", Asset: "USDC", Amount: fixed.FromInt64(300)}
	other := margin.Claim{Market: "BTC", Asset: "USDC", Amount: fixed.FromInt64(300)}
	good := string(encodeClaims([]margin.Claim{one}))
	for name, state := range map[string]string{
		"version":       "\x02" + good[1:],
		"nothing":       "\x01",
		"cut off":       good[:len(good)-1],
		"length":        good + "\xff",
		"leading zero":  "\x01\x03ETH\x04USDC\x03\x00\x01\x2c",
		"zero":          "\x01\x03ETH\x04USDC\x00",
		"long length":   "\x01\x83\x00ETH\x04USDC\x02\x01\x2c",
		"twice":         string(encodeClaims([]margin.Claim{one, one})),
		"order":         string(encodeClaims([]margin.Claim{one, other})),
		"past 128 bits": "\x01\x03ETH\x04USDC\x11" + "\x01234567890abcdef0",
	} {
		if claims, err := (&Profile{}).Claims(&margin.Account{State: []byte(state)}); err == nil {
			t.Errorf("%s: %x read as %v", name, state, claims)
		}
	}
}
