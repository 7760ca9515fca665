package margin

import "marginledger/internal/fixed"

// Edge is a status edge of a pool as its judge sees it: the pool's status stays while
// equity ≥ Multiple·maintenance + Floor (a lower edge), or while equity < that (an upper edge).
type Edge struct {
	Multiple int64 // at MultipleScale, ≥ 0
	Floor    fixed.Int128
	Upper    bool
	Unknown  bool // there may be one, but no one can say where: the pool is judged whenever a variable moves
}
