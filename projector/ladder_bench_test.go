package projector

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"marginledger/projector/margin"
)

// BenchmarkBounds gives random holders new bounds, and moves a price over them.
func BenchmarkBounds(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 450_000} {
		rng := rand.New(rand.NewPCG(1, 1))
		var h bounds
		const price = 50_000_000
		draw := func() margin.Bound {
			far := int64(float64(price) * (0.003 + rng.Float64()*0.3))
			if rng.IntN(2) == 0 {
				return margin.Bound{Low: price - far, High: margin.Open.High}
			}
			return margin.Bound{Low: margin.Open.Low, High: price + far}
		}
		for i := range n {
			h.grow()
			h.set(int32(i), margin.VarPrice, draw())
			h.set(int32(i), margin.VarFunding, draw())
		}
		slots := make([]int32, 1<<16)
		drawn := make([]margin.Bound, len(slots))
		for i := range slots {
			slots[i], drawn[i] = int32(rng.IntN(n)), draw()
		}
		b.Run(fmt.Sprint("set/", n), func(b *testing.B) {
			i := 0
			for b.Loop() {
				i++
				h.set(slots[i&0xffff], margin.VarPrice, drawn[i&0xffff])
			}
		})
		var left []int32
		b.Run(fmt.Sprint("tick/", n), func(b *testing.B) {
			i := int64(0)
			for b.Loop() {
				i++
				left = h.leave(margin.VarPrice, price+i&1023-512, left[:0])
			}
		})
		b.Run(fmt.Sprint("jump/", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				for i := range int32(n) {
					if i%16 == 0 {
						h.set(i, margin.VarPrice, margin.Bound{Low: price - price/1000, High: margin.Open.High})
					}
				}
				b.StartTimer()
				left = h.leave(margin.VarPrice, price-price/20, left[:0])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/holder")
			b.ReportMetric(float64(len(left))/float64(n), "left/holder")
		})
	}
}
