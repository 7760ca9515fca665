package demo

import "testing"

// BenchmarkOnce is the number that people ask for: a whole day of a million facts at full speed.
func BenchmarkOnce(b *testing.B) {
	for b.Loop() {
		r, err := Once(b.Context(), Options{Day: Day{Seed: 1, Events: 1_000_000, Accounts: 10_000, Shards: 1}, Command: brokerCommand()}, nil)
		if err != nil {
			b.Fatal(err)
		}
		if !r.OK() {
			b.Fatalf("checks: %+v", r.Checks)
		}
		b.ReportMetric(r.EventsPerSecond, "events/s")
		b.ReportMetric(r.Seconds, "s/day")
	}
}
