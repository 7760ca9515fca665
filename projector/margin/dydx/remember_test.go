package dydx

import (
	"bytes"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

func TestUsedState(t *testing.T) {
	big := fixed.FromInt64(1 << 62).Mul(1 << 60)
	for _, u := range []used{{}, {block: 1}, {block: 300, notional: fixed.FromInt64(1)}, {block: 1 << 63, notional: big, lost: fixed.FromInt64(256)}} {
		state := u.encode()
		if got, err := decodeUsed(state); err != nil || got != u {
			t.Errorf("%+v comes back as %+v, %v", u, got, err)
		}
		for cut := 1; cut < len(state); cut++ {
			if _, err := decodeUsed(state[:cut]); err == nil {
				t.Errorf("%x reads as a state", state[:cut])
			}
		}
	}
	for _, state := range [][]byte{{2, 0, 0, 0}, {1, 0x80, 0, 0, 0}, {1, 0, 1, 0, 0}, {1, 0, 0, 0, 0}, append([]byte{1, 0, 17}, bytes.Repeat([]byte{1}, 18)...)} {
		if (&Profile{}).Remembers(&margin.Account{State: state}) == nil {
			t.Errorf("%x reads as a state", state)
		}
	}
}

// A block's count is that of its height; it rests to the end of its block.
func TestUsedOfBlock(t *testing.T) {
	u := used{block: 7, notional: fixed.FromInt64(5), lost: fixed.FromInt64(3)}
	a := &margin.Account{State: u.encode()}
	for _, c := range []struct {
		block uint64
		want  used
		rests int64
	}{{7, u, 101}, {8, used{block: 8}, 0}, {6, used{block: 6}, 0}} {
		v := &margin.Venue{Block: c.block, Time: 100}
		if got, rests := usedOf(a, v), (&Profile{}).Rests(a, v, events.StagePartial); got != c.want || rests != c.rests {
			t.Errorf("in block %d: %+v, rests until %d", c.block, got, rests)
		}
	}
}
