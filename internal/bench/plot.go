package bench

import (
	"fmt"
	"math"
	"strings"
)

// plot draws the curve as SVG: accounts to the right, nanoseconds up, both by powers of ten.
func plot(curve []point) string {
	const width, height, left, right, top, bottom = 640, 360, 70, 120, 20, 50
	low, high := math.Inf(1), 0.0
	for _, p := range curve {
		low, high = min(low, p.tick, p.fill), max(high, p.tick, p.fill)
	}
	low, high = math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	first, last := math.Log10(float64(curve[0].accounts)), math.Log10(float64(curve[len(curve)-1].accounts))
	x := func(accounts int) float64 {
		return left + (math.Log10(float64(accounts))-first)/max(last-first, 1e-9)*(width-left-right)
	}
	y := func(ns float64) float64 {
		return height - bottom - (math.Log10(ns)-low)/max(high-low, 1e-9)*(height-top-bottom)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	for e := low; e <= high; e++ {
		at := y(math.Pow(10, e))
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ccc"/><text x="%d" y="%.1f" text-anchor="end">%.0f ns</text>`+"\n", left, at, width-right, left-6, at+4, math.Pow(10, e))
	}
	for _, p := range curve {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", x(p.accounts), height-bottom+18, p.accounts)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">accounts</text>`+"\n", (left+width-right)/2, height-12)
	for _, line := range []struct {
		name, colour string
		of           func(point) float64
	}{
		{"a fill", "#c33", func(p point) float64 { return p.fill }},
		{"a calm price", "#36c", func(p point) float64 { return p.tick }},
	} {
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" points="`, line.colour)
		for _, p := range curve {
			fmt.Fprintf(&b, "%.1f,%.1f ", x(p.accounts), y(line.of(p)))
		}
		end := curve[len(curve)-1]
		fmt.Fprintf(&b, `"/><text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n", x(end.accounts)+8, y(line.of(end))+4, line.colour, line.name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}
