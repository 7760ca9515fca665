package registry

import (
	"marginledger/projector/margin/dydx"
	"marginledger/projector/margin/gmx"
	"marginledger/projector/margin/hyperliquid"
	"marginledger/projector/margin/portfolio"
	"marginledger/projector/margin/standard"
)

// Names returns the profiles of this build, in the order of their names.
func Names() []string {
	return []string{dydx.Name, gmx.Name, hyperliquid.Name, portfolio.Name, standard.Name}
}
