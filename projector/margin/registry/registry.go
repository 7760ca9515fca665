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

// profiles are those of this build, by name.
var profiles = [...]struct {
	name    string
	factory margin.Factory
}{
	{dydx.Name, dydx.New},
	{gmx.Name, gmx.New},
	{hyperliquid.Name, hyperliquid.New},
	{portfolio.Name, portfolio.New},
	{standard.Name, standard.New},
}

// Find returns the factory of a profile, nil where there is none.
func Find(name string) margin.Factory {
	for i := range profiles {
		if profiles[i].name == name {
			return profiles[i].factory
		}
	}
	return nil
}

// Names are the names of the profiles, sorted.
func Names() []string {
	names := make([]string, len(profiles))
	for i := range profiles {
		names[i] = profiles[i].name
	}
	return names
}
