package pipeline

import (
	"context"
	"fmt"

	"marginledger/events"
	"marginledger/internal/orderlog"
)

// observe looks at the cluster as it is now and returns the fence of a new term.
func (sh *Shard) observe(ctx context.Context) (*orderlog.Fence, error) {
	return observe(ctx, sh.cfg, sh.log, sh.shard)
}

func observe(ctx context.Context, cfg *Config, log Log, shard int32) (*orderlog.Fence, error) {
	id, err := log.ClusterID(ctx)
	if err != nil {
		return nil, err
	}
	f := &orderlog.Fence{Shard: shard, Address: cfg.Address, Build: cfg.Build, Rules: RulesVersion, ClusterID: id, DedupeWindow: cfg.DedupeWindow}
	for _, topic := range append([]string{cfg.OrderTopic}, cfg.OutputTopics[:]...) {
		n, err := log.Partitions(ctx, topic)
		if err != nil {
			return nil, err
		}
		if n != cfg.Shards {
			return nil, fmt.Errorf("topic %s has %d partitions, but there are %d shards: each shard has one", topic, n, cfg.Shards)
		}
	}
	for _, t := range cfg.Topics {
		n, err := log.Partitions(ctx, t.Name)
		if err != nil {
			return nil, err
		}
		if t.Role == events.RoleAccounts && n != cfg.Shards {
			return nil, fmt.Errorf("topic %s of role accounts has %d partitions, but there are %d shards: an account's shard is its partition", t.Name, n, cfg.Shards)
		}
		f.Topics = append(f.Topics, orderlog.Topic{Name: t.Name, Role: t.Role, Partitions: n})
	}
	return f, nil
}

// checkFence refuses a configuration, or a cluster, under which the order so far cannot be folded again.
func checkFence(before, now *orderlog.Fence) error {
	if before.Shard != now.Shard {
		return orderlog.Corrupt("the order log is of shard %d, expected %d", before.Shard, now.Shard)
	}
	if before.ClusterID != now.ClusterID {
		return orderlog.Corrupt("the order log was written in cluster %q, this is cluster %q", before.ClusterID, now.ClusterID)
	}
	if before.DedupeWindow != now.DedupeWindow {
		return fmt.Errorf("the dedupe window was %d and is now %d: it is part of what is folded; set it back", before.DedupeWindow, now.DedupeWindow)
	}
	for _, t := range before.Topics {
		i := now.TopicIndex(t.Name)
		switch {
		case i < 0:
			return fmt.Errorf("topic %s (role %v) was part of the order so far, but is not configured any more: put it back", t.Name, t.Role)
		case now.Topics[i].Role != t.Role:
			return fmt.Errorf("topic %s had role %v and now has %v: set it back, the facts so far were folded under it", t.Name, t.Role, now.Topics[i].Role)
		case now.Topics[i].Partitions != t.Partitions:
			return fmt.Errorf("topic %s had %d partitions and now has %d: keys land elsewhere, so the order of facts is broken; "+
				"make a new topic with the wanted count, copy with \"ledger repartition\", and start a new ledger on it",
				t.Name, t.Partitions, now.Topics[i].Partitions)
		}
	}
	return nil
}

// fenceOf returns the fence of the term of a stored head's cut, and whether the order log has that cut at the place that
// the head names, with its hash.
func fenceOf(ctx context.Context, log Log, topic string, shard int32, head *orderlog.Head) (*orderlog.Fence, bool, error) {
	entry := func(offset int64) (any, error) {
		r, err := readOne(ctx, log, topic, shard, offset, offset+1)
		if err != nil || r == nil {
			return nil, err
		}
		return orderlog.Decode(r.Value)
	}
	e, err := entry(head.OrderNext - 1)
	if err != nil {
		return nil, false, fmt.Errorf("compare the stored state with the order log: %w", err)
	}
	if c, ok := e.(*orderlog.Cut); !ok || c.Number != head.Cut || c.Hash != head.Chain || c.Term != head.Term {
		return nil, false, nil
	}
	if e, err = entry(head.Term); err != nil {
		return nil, false, fmt.Errorf("read the fence of term %d: %w", head.Term, err)
	}
	f, ok := e.(*orderlog.Fence)
	return f, ok, nil
}
