package portfolio

import (
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// plainGrid is ±width in steps, from the deepest fall to the highest rise, without 0.
func plainGrid(width, step int64) []scenario {
	var grid []scenario
	for shock := -width; shock <= width; shock += step {
		if shock != 0 {
			grid = append(grid, scenario{name: percent(shock), weight: margin.OneMultiple, shock: shock})
		}
	}
	return grid
}

// tails are the published tails of §2.
var tails = []scenario{
	tail(-660_000, 240_000), tail(-330_000, 480_000), tail(500_000, 320_000), tail(1_000_000, 160_000),
	tail(2_000_000, 80_000), tail(3_000_000, 53_300), tail(4_000_000, 40_000), tail(5_000_000, 32_000),
}

func tail(shock, weight int64) scenario {
	return scenario{name: percent(shock) + " x " + percent(weight)[1:], weight: weight, shock: shock}
}

// percent is a share at MultipleScale as people write it, with its sign.
func percent(share int64) string {
	sign := ""
	if share >= 0 {
		sign = "+"
	}
	return string(append(fixed.FromInt64(share).Append([]byte(sign), margin.MultipleScale-2), '%'))
}
