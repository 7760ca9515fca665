package topics

import (
	"context"
	"fmt"

	"marginledger/projector"
	"marginledger/snapshot"
)

// snapshots checks what a shard would start from without its data directory: that each shard's newest snapshot verifies,
// is of this cluster, and that order log and inputs still reach back to it. Older ones that lost their logs are a
// warning: the horizon is shorter than what is kept.
func snapshots(ctx context.Context, c DoctorCluster, p *Plan, from snapshot.Store, clusterID string) []Finding {
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
		manifests, damaged, err := snapshot.List(ctx, from, shard)
		if err != nil {
			return append(out, Finding{Fail, "snapshots", oneLine(err)})
		}
		for _, err := range damaged {
			out = append(out, Finding{Warn, "snapshots", fmt.Sprintf("shard %d: %s; remove it, with its file", shard, oneLine(err))})
		}
		for i, m := range manifests {
			f := examine(ctx, p, shard, from, m, clusterID, start)
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
		return []Finding{{OK, "snapshots", fmt.Sprintf("none in %v: a ledger without its data directory folds the order log from its beginning", from)}}
	}
	return out
}

// examine looks at one snapshot.
func examine(ctx context.Context, p *Plan, shard int32, from snapshot.Store, m *snapshot.Manifest, clusterID string, start func(projector.Source) (int64, error)) Finding {
	fail := func(format string, args ...any) Finding {
		return Finding{Fail, "snapshots", fmt.Sprintf("shard %d: %s: ", shard, m.Name) + fmt.Sprintf(format, args...)}
	}
	_, done, err := snapshot.OpenFrom(ctx, from, m)
	if err != nil {
		return Finding{Fail, "snapshots", fmt.Sprintf("shard %d: %s; remove it", shard, oneLine(err))}
	}
	done()
	head := &m.Head
	if head.ClusterID != clusterID {
		return fail("is of cluster %s, this is %s", head.ClusterID, clusterID)
	}
	needs := append([]snapshot.Place{{Topic: p.Order, Partition: shard, Next: head.OrderNext}}, head.Sources...)
	for _, n := range needs {
		at, err := start(projector.Source{Topic: n.Topic, Partition: n.Partition})
		if err != nil {
			return fail("needs %s/%d, which cannot be read: %s", n.Topic, n.Partition, oneLine(err))
		}
		if at > n.Next {
			return fail("needs %s/%d from offset %d, but the log begins at %d: it is too old to start from", n.Topic, n.Partition, n.Next, at)
		}
	}
	return Finding{OK, "snapshots", fmt.Sprintf("shard %d: the newest is of cut %d, and the logs reach back to it", shard, head.Cut)}
}
