package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"marginledger/internal/orderlog"
	"marginledger/internal/postings"
	"marginledger/snapshot"
)

// Index is the index of a shard's postings: segments, each of a range of cuts. It is derived: what does not belong to the
// order log any more is made again.
type Index struct {
	segments []*postings.Index
}

// indexPath is where a shard's segments lie, and beside them the state behind the last, from which a further one is made
// once the order log has gone on.
func indexPath(dir string, shard int32, name string) string {
	return filepath.Join(dir, fmt.Sprintf("shard-%03d", shard), name)
}

const indexState = "state.mlsnap"

// Index opens the index of a shard's postings in a directory, and brings it up to the end of what is there.
func (p *Past) Index(ctx context.Context, dir string, shard int32, progress Progress) (_ *Index, err error) {
	x := &Index{}
	defer func() {
		if err != nil {
			err = errors.Join(err, x.Close())
		}
	}()
	oldest, err := p.oldest(ctx, shard)
	if err != nil {
		return nil, err
	}
	if err := p.openSegments(ctx, x, dir, shard, oldest.cut()); err != nil {
		return nil, err
	}
	there, err := p.scan(ctx, shard, oldest.head, 0, nil)
	if err != nil {
		return nil, err
	}
	if last := x.end(); last != nil && (there.last == nil || last.Number >= there.last.Number) {
		return x, nil
	}
	from, err := p.behindIndex(x, dir, shard)
	if err != nil {
		return nil, err
	}
	if from == nil { // From the beginning.
		if err := x.Close(); err != nil {
			return nil, err
		}
		x.segments, from = nil, &oldest
		if err := os.RemoveAll(filepath.Dir(indexPath(dir, shard, ""))); err != nil {
			return nil, err
		}
	}
	s, err := p.buildSegment(ctx, dir, shard, len(x.segments), from, progress)
	if err == nil {
		x.segments = append(x.segments, s)
	}
	return x, err
}

// Close closes the segments.
func (x *Index) Close() error {
	var errs []error
	for _, s := range x.segments {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// end is where the last segment ends; nil where there is none.
func (x *Index) end() *postings.Cut {
	if len(x.segments) == 0 {
		return nil
	}
	return &x.segments[len(x.segments)-1].End
}

// openSegments opens the segments that begin behind a cut, follow on each other, and belong to the order log.
func (p *Past) openSegments(ctx context.Context, x *Index, dir string, shard int32, behind uint64) error {
	paths, err := filepath.Glob(indexPath(dir, shard, "*.mlpost"))
	if err != nil {
		return err
	}
	slices.Sort(paths)
	for _, path := range paths {
		s, err := postings.Open(path)
		if errors.Is(err, postings.ErrBad) || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		x.segments = append(x.segments, s)
		follows := s.Base.Number == behind
		if n := len(x.segments); n > 1 {
			follows = s.Base == x.segments[n-2].End
		}
		entry, err := p.entry(ctx, shard, s.End.Next-1)
		if err != nil {
			return err
		}
		c, ok := entry.(*orderlog.Cut)
		if !follows || s.Shard != shard || s.Order != p.Config.OrderTopic || !ok || c.Number != s.End.Number || c.Hash != s.End.Chain {
			x.segments = x.segments[:len(x.segments)-1]
			return s.Close()
		}
	}
	return nil
}

// behindIndex returns the state behind the last segment; nil where there is none.
func (p *Past) behindIndex(x *Index, dir string, shard int32) (*begin, error) {
	last := x.end()
	if last == nil {
		return nil, nil
	}
	f, err := snapshot.Open(indexPath(dir, shard, indexState))
	if errors.Is(err, snapshot.ErrBad) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	head, err := f.Head()
	if err != nil || head.Cut != last.Number || head.Chain != last.Chain {
		return nil, err
	}
	return &begin{state: f, head: head}, nil
}
