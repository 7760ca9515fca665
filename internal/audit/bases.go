package audit

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"marginledger/internal/archive"
	"marginledger/internal/orderlog"
	"marginledger/snapshot"
)

// snapshots returns the store of a past's snapshots; nil where there is none.
func (p *Past) snapshots() snapshot.Store {
	if p.Archive != nil {
		return snapshot.Dir(filepath.Join(p.Archive.Dir, archive.SnapshotsFolder))
	}
	return p.Config.Snapshots.Store
}

// manifests returns the manifests of a shard's snapshots, oldest first, and what is wrong with those that are none.
func (p *Past) manifests(ctx context.Context, shard int32) (list []*snapshot.Manifest, damaged []error, err error) {
	store := p.snapshots()
	if store == nil {
		return nil, nil, nil
	}
	list, damaged, err = snapshot.List(ctx, store, shard)
	slices.Reverse(list)
	return list, damaged, err
}

// openSnapshot fetches and verifies a snapshot. It stays readable until the past is closed.
func (p *Past) openSnapshot(ctx context.Context, m *snapshot.Manifest) (*snapshot.File, error) {
	f, done, err := snapshot.OpenFrom(ctx, p.snapshots(), m)
	if err == nil {
		p.done = append(p.done, done)
	}
	return f, err
}

// hasFile reports whether a snapshot's file is there: an archive may hold the manifest alone.
func (p *Past) hasFile(ctx context.Context, m *snapshot.Manifest) (bool, error) {
	if p.Archive == nil {
		return true, nil
	}
	_, done, err := p.snapshots().Fetch(ctx, m.FileName())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		done()
	}
	return err == nil, err
}

// begin is where a fold begins.
type begin struct {
	state snapshot.State // nil: the beginning of the order log
	head  *orderlog.Head // nil with it
	name  string         // of the snapshot
}

// cut is the cut behind which the fold begins; 0: the beginning.
func (b *begin) cut() uint64 {
	if b.head == nil {
		return 0
	}
	return b.head.Cut
}

// beginBefore returns the newest snapshot whose head fits and, unless it is nil, whose state does; else the beginning.
// Both hold for all older ones once they hold for one. Snapshots that do not verify are passed over: verify tells of them.
func (p *Past) beginBefore(ctx context.Context, shard int32, fits func(*snapshot.Head) bool, stateFits func(snapshot.State) (bool, error)) (begin, error) {
	list, _, err := p.manifests(ctx, shard)
	if err != nil {
		return begin{}, err
	}
	list = slices.DeleteFunc(list, func(m *snapshot.Manifest) bool { return !fits(&m.Head) })
	best := begin{}
	for high := len(list); high > 0; {
		mid := high - 1
		if stateFits != nil { // By halves: every state has to be opened.
			mid = high / 2
		}
		f, err := p.openHere(ctx, list[mid])
		if errors.Is(err, snapshot.ErrBad) {
			list = slices.Delete(list, mid, mid+1)
			high--
			continue
		}
		if err != nil {
			return begin{}, err
		}
		ok := true
		if stateFits != nil {
			if ok, err = stateFits(f); err != nil {
				return begin{}, err
			}
		}
		if !ok {
			high = mid
			continue
		}
		head, err := f.Head()
		if err != nil {
			return begin{}, err
		}
		best = begin{f, head, list[mid].Name}
		if stateFits == nil {
			break
		}
		list, high = list[mid+1:], high-mid-1
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

// openHere is openSnapshot, but ErrBad where the file is not here.
func (p *Past) openHere(ctx context.Context, m *snapshot.Manifest) (*snapshot.File, error) {
	if here, err := p.hasFile(ctx, m); err != nil {
		return nil, err
	} else if !here {
		return nil, snapshot.ErrBad
	}
	return p.openSnapshot(ctx, m)
}

// beginBehind returns the newest snapshot of a cut that is at most to.
func (p *Past) beginBehind(ctx context.Context, shard int32, to uint64) (begin, error) {
	return p.beginBefore(ctx, shard, func(h *snapshot.Head) bool { return h.Cut <= to }, nil)
}

// oldest returns where what is there begins: behind an archive's base, or at the beginning of the order log.
func (p *Past) oldest(ctx context.Context, shard int32) (begin, error) {
	s, err := p.span(ctx, shard)
	if err != nil || s.base == 0 {
		return begin{}, err
	}
	return p.beginBehind(ctx, shard, s.base)
}
