package hyperliquid

import (
	"encoding/binary"
	"errors"
	"math"

	"marginledger/events"
	"marginledger/projector/margin"
)

// The window after a partial liquidation (§7) is Account.State: empty where there never was one, else
// stateVersion and the shard time of its end as a uvarint.

// stateVersion is the first byte of Account.State.
const stateVersion = 1

// ErrState is an Account.State that this package did not write.
var ErrState = errors.New("hyperliquid: damaged state of an account")

// windowEnd decodes State; 0: there never was one.
func windowEnd(state []byte) (int64, error) {
	if len(state) == 0 {
		return 0, nil
	}
	end, n := binary.Uvarint(state[1:])
	if state[0] != stateVersion || n <= 0 || end == 0 || end > math.MaxInt64 || string(windowState(int64(end))) != string(state) {
		return 0, ErrState
	}
	return int64(end), nil
}

func windowState(end int64) []byte { return binary.AppendUvarint([]byte{stateVersion}, uint64(end)) }

// Remembers implements margin.Rememberer.
func (p *Profile) Remembers(a *margin.Account) error {
	_, err := windowEnd(a.State)
	return err
}

// Rests implements §7: in the window every order of the account is of the full size. Beyond stage partial
// every order is so anyway.
func (p *Profile) Rests(a *margin.Account, v *margin.Venue, stage events.Stage) int64 {
	end, err := windowEnd(a.State)
	if err != nil { // checked when it was loaded
		panic(err)
	}
	if end <= v.Time || stage > events.StagePartial {
		return 0
	}
	return end
}

// Forced implements §7: an order to the book that leaves a part of the position open begins a window of the
// account, if none runs.
func (p *Profile) Forced(f *margin.ForcedFill) margin.Remembered {
	out, now := margin.Remembered{State: f.Account.State}, f.Market.Venue.Time
	rest, i := p.Cooldown(events.StagePartial), f.Position()
	if f.Offset || i < 0 || rest == 0 || f.Left == 0 || (f.Left > 0) != (f.Pool.Positions[i].Size > 0) || p.Rests(f.Account, f.Market.Venue, events.StagePartial) != 0 {
		return out
	}
	end := now + rest
	if end < now {
		end = math.MaxInt64 // the year 2262
	}
	out.State = windowState(max(end, 1))
	return out
}

var _ margin.Rememberer = (*Profile)(nil)
