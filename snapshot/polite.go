package snapshot

import "runtime"

// politeness keeps work on a snapshot from holding the fold up: it lets others run every so often. Go takes a
// processor away from a goroutine only after 10 ms, and on a machine with few of them the fold would wait for each of a
// snapshot's goroutines for so long.
type politeness struct{ n uint }

// politeEvery is a number of rows that take about a tenth of a millisecond.
const politeEvery = 64

func (p *politeness) tick() {
	if p.n++; p.n%politeEvery == 0 {
		runtime.Gosched()
	}
}
