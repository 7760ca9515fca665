package snapshot

import (
	"context"
	"strings"
	"time"
)

// Policy says which of a shard's snapshots are kept: the union of what each field keeps. Hours and days are those of
// UTC.
type Policy struct {
	Last   int // the newest so many; at least one
	Hourly int // the newest of each of the last so many hours that have any
	Daily  int // the newest of each of the last so many days that have any
}

// keeps returns which manifests, newest cut first, a policy keeps.
func (p Policy) keeps(manifests []*Manifest) []bool {
	keep := make([]bool, len(manifests))
	for i := range min(max(p.Last, 1), len(keep)) {
		keep[i] = true
	}
	newestOf := func(span time.Duration, spans int) {
		seen := map[time.Time]bool{}
		for i, m := range manifests {
			t := m.Taken.UTC().Truncate(span)
			if seen[t] || len(seen) == spans {
				continue
			}
			seen[t] = true
			keep[i] = true
		}
	}
	newestOf(time.Hour, p.Hourly)
	newestOf(24*time.Hour, p.Daily)
	return keep
}

// Prune removes the snapshots of a shard that the policy does not keep, and returns their names. The newest one that
// verifies is never removed: good says which that is, nil has it looked for, from the newest on. Where none verifies,
// nothing is removed. It also removes files in front of it that have no manifest: what a crash left.
func Prune(ctx context.Context, from Store, shard int32, p Policy, good *Manifest) (removed []string, err error) {
	manifests, damaged, err := List(ctx, from, shard)
	if err != nil {
		return nil, err
	}
	if good == nil {
		if good = newestGood(ctx, from, manifests); good == nil {
			return nil, nil
		}
	}
	for i, keep := range p.keeps(manifests) {
		m := manifests[i]
		if keep || m.Name == good.Name {
			continue
		}
		// In this order: a crash in between leaves a file without a manifest, which counts for nothing.
		if err := from.Remove(ctx, m.ManifestName()); err != nil {
			return removed, err
		}
		if err := from.Remove(ctx, m.FileName()); err != nil {
			return removed, err
		}
		removed = append(removed, m.Name)
	}
	if len(damaged) > 0 {
		return removed, nil // A file whose manifest cannot be read is left to people.
	}
	return removed, removeOrphans(ctx, from, shard, good)
}

func newestGood(ctx context.Context, from Store, manifests []*Manifest) *Manifest {
	for _, m := range manifests {
		if _, done, err := OpenFrom(ctx, from, m); err == nil {
			done()
			return m
		}
	}
	return nil
}

// removeOrphans removes files without a manifest whose cut is before good's. Who is writing an older cut now has been
// deposed.
func removeOrphans(ctx context.Context, from Store, shard int32, good *Manifest) error {
	names, err := from.Names(ctx, prefix(shard))
	if err != nil {
		return err
	}
	have := make(map[string]bool)
	for _, n := range names {
		have[n] = true
	}
	for _, n := range names {
		base, isFile := strings.CutSuffix(n, fileSuffix)
		if isFile && !have[base+manifestSuffix] && n < nameOf(shard, good.Head.Cut, [32]byte{}, "") {
			if err := from.Remove(ctx, n); err != nil {
				return err
			}
		}
	}
	return nil
}
