package projector_test

import (
	"bytes"
	"testing"

	"marginledger/projector"
)

// BenchmarkLoad restores the accounts of BenchmarkTick from their rows: what a start does after reading them.
func BenchmarkLoad(b *testing.B) {
	w := newTickWorld(*tickAccounts, 0.01)
	var stored []projector.Row
	w.shard.EachRow(func(r projector.Row) {
		stored = append(stored, projector.Row{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)})
	})
	counters := w.shard.Counters()
	w = nil
	for b.Loop() {
		s := projector.New(projector.Config{})
		for _, r := range stored {
			if err := s.LoadRow(r.Key, r.Value); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Loaded(counters); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(*tickAccounts), "ns/account")
}
