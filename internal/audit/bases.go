package audit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"marginledger/internal/archive"
	"marginledger/internal/orderlog"
	"marginledger/snapshot"
)

// base is a snapshot that a fold can begin behind. It is not verified before it is opened.
type base struct {
	cut  uint64
	path string
}

// open reads and verifies the snapshot.
func (b *base) open() (snapshot.State, *orderlog.Head, error) {
	f, err := snapshot.Open(b.path)
	if err != nil {
		return nil, nil, err
	}
	h, err := headOf(f)
	return f, h, err
}

// bases returns the snapshots of a shard, oldest first.
func (p *Past) bases(shard int32) (out []base, err error) {
	if a := p.Archive; a != nil {
		for _, s := range archived(&a.Shards[shard]) {
			if s.File != "" {
				out = append(out, base{s.Cut, filepath.Join(a.Dir, s.File)})
			}
		}
		return out, nil
	}
	if p.Config.SnapshotDir == "" {
		return nil, nil
	}
	paths, err := snapshot.Dir(p.Config.SnapshotDir).List(shard)
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Backward(paths) {
		var b base
		var n int32
		if _, err := fmt.Sscanf(filepath.Base(path), "shard-%03d-cut-%d", &n, &b.cut); err != nil || n != shard {
			continue // not a snapshot's name
		}
		b.path = path
		out = append(out, b)
	}
	return out, nil
}

// archived returns the snapshots that a manifest tells of, the base first.
func archived(s *archive.Shard) []archive.Snapshot {
	if s.Base == nil {
		return s.Snapshots
	}
	return append([]archive.Snapshot{*s.Base}, s.Snapshots...)
}

// begin is where a fold begins.
type begin struct {
	state snapshot.State // nil: the beginning of the order log
	head  *orderlog.Head // nil with it
}

// cut is the cut behind which the fold begins; 0: the beginning.
func (b *begin) cut() uint64 {
	if b.head == nil {
		return 0
	}
	return b.head.Cut
}

// beginBefore returns the newest snapshot for which ok holds, else the beginning. ok holds for all older ones once it
// holds for one. Snapshots that do not verify are passed over.
func (p *Past) beginBefore(ctx context.Context, shard int32, ok func(*orderlog.Head, snapshot.State) (bool, error)) (begin, error) {
	list, err := p.bases(shard)
	if err != nil {
		return begin{}, err
	}
	low, high := 0, len(list) // ok holds before low, and not from high on
	var best begin
	for low < high {
		if err := ctx.Err(); err != nil {
			return begin{}, err
		}
		mid := low + (high-low)/2
		state, head, err := list[mid].open()
		if errors.Is(err, snapshot.ErrBad) {
			list = slices.Delete(list, mid, mid+1)
			high--
			continue
		}
		if err != nil {
			return begin{}, err
		}
		fits, err := ok(head, state)
		if err != nil {
			return begin{}, err
		}
		if fits {
			best, low = begin{state, head}, mid+1
		} else {
			high = mid
		}
	}
	span, err := p.span(ctx, shard)
	if err != nil {
		return begin{}, err
	}
	if best.cut() < span.base {
		return begin{}, usage("the archive's range of shard %d begins behind cut %d: nothing before that can be asked", shard, span.base)
	}
	return best, nil
}

// beginBehind returns the newest snapshot of a cut that is at most to.
func (p *Past) beginBehind(ctx context.Context, shard int32, to uint64) (begin, error) {
	return p.beginBefore(ctx, shard, func(h *orderlog.Head, _ snapshot.State) (bool, error) { return h.Cut <= to, nil })
}
