// Package registry names the margin profiles: a new venue is a package and a line here.
package registry

import (
	"marginledger/projector/margin"
	"marginledger/projector/margin/dydx"
	"marginledger/projector/margin/gmx"
	"marginledger/projector/margin/hyperliquid"
	"marginledger/projector/margin/portfolio"
	"marginledger/projector/margin/standard"
)

// Find returns the factory of a profile, nil where there is none.
func Find(name string) margin.Factory {
	switch name {
	case dydx.Name:
		return dydx.New
	case hyperliquid.Name:
		return hyperliquid.New
	case gmx.Name:
		return gmx.New
	case standard.Name:
		return standard.New
	case portfolio.Name:
		return portfolio.New
	}
	return nil
}
