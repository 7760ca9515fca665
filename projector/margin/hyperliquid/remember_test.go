package hyperliquid

import (
	"math"
	"testing"

	"marginledger/events"
	"marginledger/projector/margin"
)

func TestWindowState(t *testing.T) {
	for _, end := range []int64{1, 127, 128, 1_700_000_000e9, math.MaxInt64} {
		if got, err := windowEnd(windowState(end)); got != end || err != nil {
			t.Errorf("%d comes back as %d, %v", end, got, err)
		}
	}
	for _, state := range [][]byte{{1}, {2, 1}, {1, 0}, {1, 0x80}, {1, 0x81, 0}, {1, 1, 1}, {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}} {
		if (&Profile{}).Remembers(&margin.Account{State: state}) == nil {
			t.Errorf("%x reads as a state", state)
		}
	}
}

// The window ends at its time, begins with an order that leaves a part open, and is not prolonged.
func TestWindow(t *testing.T) {
	made, err := New("2025", 6, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, v := made.(*Profile), &margin.Venue{Time: 100}
	a, m := &margin.Account{}, &margin.Market{Venue: v}
	pool := &margin.Pool{Positions: []margin.Position{{Market: m, Size: -10}}}
	fill := func(closed, left int64) *margin.ForcedFill {
		return &margin.ForcedFill{Account: a, Market: m, Pool: pool, Closed: closed, Left: left}
	}
	offset := fill(1, -9)
	offset.Offset = true
	for _, f := range []*margin.ForcedFill{fill(10, 0), fill(10, 5), fill(0, -12), offset, {Account: a, Market: m, Left: 3}} {
		if got := p.Forced(f); len(got.State) > 0 || got.Answers || len(got.Broken) > 0 {
			t.Errorf("%+v begins a window: %+v", f, got)
		}
	}
	a.State = p.Forced(fill(1, -9)).State
	const end = 100 + 30e9
	v.Time = end - 1
	if got := p.Rests(a, v, events.StagePartial); got != end {
		t.Errorf("the window ends at %d", got)
	}
	if got := p.Forced(fill(1, -8)).State; string(got) != string(a.State) {
		t.Errorf("the window is prolonged: %x, was %x", got, a.State)
	}
	if p.Rests(a, v, events.StageBackstop) != 0 {
		t.Error("the vault does not wait for a window")
	}
	v.Time = end
	if p.Rests(a, v, events.StagePartial) != 0 {
		t.Error("the window goes on after its end")
	}
}
