package calculator

import "marginledger/projector"

// Steps returns the steps behind a pool's figures, as answers show them.
func Steps(x *projector.PoolExplanation) []PoolStep { return steps(x) }
