package hyperliquid

import (
	"math/rand/v2"
	"testing"

	"marginledger/internal/fixed"
	"marginledger/internal/margintest"
	"marginledger/projector/margin"
)

// TestSlopes holds Slopes against Judge on random pools of every version and mode.
func TestSlopes(t *testing.T) {
	eachSeed(t, 1500, func(t *testing.T, rng *rand.Rand) {
		p, scale := randomProfile(t, rng)
		pool := randomPool(t, rng, p, scale, rng.IntN(2) == 0)
		if mode := rng.IntN(3); mode > 0 && !pool.Isolated {
			pool.Account.Mode = modes[mode]
			pool.Account.Observed = []margin.Observed{{Asset: pool.Venue.Settlement, Amount: fixed.FromInt64(rng.Int64N(2e9) - 1e9)}}
			for i := range rng.IntN(3) {
				token := &margin.Asset{ID: int32(i), Name: string(rune('p' + i)), Price: 1 + rng.Int64N(2e12)}
				token.Haircuts = []margin.HaircutTier{{Haircut: rng.Int64N(margin.OneRate)}, {Lower: fixed.FromInt64(1 + rng.Int64N(1e9)), Haircut: margin.OneRate}}
				pool.Balances = append(pool.Balances, margin.Balance{Asset: token, Amount: fixed.FromInt64(rng.Int64N(3e9) - 1e9)})
			}
		}
		margintest.Slopes(t, p, pool, rng)
	})
}
