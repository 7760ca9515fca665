package topics

import (
	"context"
	"fmt"

	"marginledger/internal/orderlog"
	"marginledger/projector"
	"marginledger/snapshot"
)

// snapshots checks what a shard would start from without its data directory: that each shard's newest snapshot verifies,
// is of this cluster, and that order log and inputs still reach back to it. Older ones that lost their logs are a
// warning: the horizon is shorter than what is kept.
func snapshots(ctx context.Context, c DoctorCluster, p *Plan, dir snapshot.Dir, clusterID string) []Finding {
	starts := make(map[projector.Source]int64)
	start := func(s projector.Source) (int64, error) {
		if at, ok := starts[s]; ok {
			return at, nil
		}
		at, _, err := c.Offsets(ctx, s.Topic, s.Partition)
		if err == nil {
			starts[s] = at
		}
		return at, err
	}
	var out []Finding
	for shard := range p.Shards {
		paths, err := dir.List(shard)
		if err != nil {
			return append(out, Finding{Fail, "snapshots", err.Error()})
		}
		for i, path := range paths {
			f := examine(p, shard, path, clusterID, start)
			switch {
			case f.Level == Fail && i > 0:
				f.Level = Warn
			case f.Level == OK && i > 0:
				continue // the newest says enough
			}
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return []Finding{{OK, "snapshots", fmt.Sprintf("none in %s: a ledger without its data directory folds the order log from its beginning", dir)}}
	}
	return out
}

// examine looks at one snapshot.
func examine(p *Plan, shard int32, path, clusterID string, start func(projector.Source) (int64, error)) Finding {
	fail := func(format string, args ...any) Finding {
		return Finding{Fail, "snapshots", fmt.Sprintf("shard %d: %s: ", shard, path) + fmt.Sprintf(format, args...)}
	}
	file, err := snapshot.Open(path)
	if err != nil {
		return Finding{Fail, "snapshots", fmt.Sprintf("shard %d: %s; remove it", shard, oneLine(err))}
	}
	head, err := file.Head()
	if err != nil {
		return fail("%s", oneLine(err))
	}
	if head.ClusterID != clusterID {
		return fail("is of cluster %s, this is %s", head.ClusterID, clusterID)
	}
	needs := append([]orderlog.Place{{Source: projector.Source{Topic: p.Order, Partition: shard}, Next: head.OrderNext}}, head.Sources...)
	for _, n := range needs {
		at, err := start(n.Source)
		if err != nil {
			return fail("needs %s/%d, which cannot be read: %s", n.Source.Topic, n.Source.Partition, oneLine(err))
		}
		if at > n.Next {
			return fail("needs %s/%d from offset %d, but the log begins at %d: it is too old to start from", n.Source.Topic, n.Source.Partition, n.Next, at)
		}
	}
	return Finding{OK, "snapshots", fmt.Sprintf("shard %d: the newest is of cut %d, and the logs reach back to it", shard, head.Cut)}
}
