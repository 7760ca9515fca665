package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"marginledger/internal/eventlog"
	"marginledger/internal/store"
)

// Node is this process: it is a member of the consumer group and runs the shards that it is assigned.
type Node struct {
	cfg Config
	log Log

	mu         sync.Mutex
	shards     map[int32]*running
	held       map[int32]uint64 // cuts of stores that lie here, running or not
	membership Membership
	assigned   bool // at least once
	owners     map[int32]owner
	ended      chan struct{} // a shard has stopped by itself; one token
}

// running is a shard with its goroutine.
type running struct {
	*Shard
	stop context.CancelFunc
	kill context.CancelFunc
	done chan struct{}
	err  error // after done: why it stopped by itself
}

type owner struct {
	address string
	at      time.Time
}

// Bounds of the node's own patience.
const (
	stopTimeout    = 5 * time.Second // for finishing what is under way when a shard is taken away
	offsetInterval = 5 * time.Second // between commits of offsets, for lag tools only
	ownerFor       = time.Second     // an owner is looked up again after
	waitPatience   = 2 * time.Second // a source may be waited for before the node counts as not ready
)

// NewNode checks the configuration.
func NewNode(cfg Config, log Log) (*Node, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if cfg.DataDir == "" {
		return nil, errors.New("pipeline: no data directory")
	}
	return &Node{cfg: cfg, log: log, shards: make(map[int32]*running), held: make(map[int32]uint64), owners: make(map[int32]owner),
		ended: make(chan struct{}, 1)}, nil
}

// Run runs until ctx ends: then it finishes what is under way, hands the shards over, and returns nil. A shard that
// cannot go on stops alone; when every shard of this node has, or when the topics are not what they were, Run returns why.
func (n *Node) Run(ctx context.Context) error {
	lock, err := store.LockDir(n.cfg.DataDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := n.findStores(); err != nil {
		return err
	}
	m, err := n.log.Join(ctx, eventlog.GroupConfig{
		Group: n.cfg.Group, Topic: n.cfg.OrderTopic, SessionTimeout: n.cfg.SessionTimeout, UserData: n.heldShards,
	})
	if err != nil {
		return fmt.Errorf("join the group %s: %w", n.cfg.Group, err)
	}
	n.mu.Lock()
	n.membership = m
	n.mu.Unlock()
	err = n.serve(ctx, m)
	n.assign(context.WithoutCancel(ctx), nil)
	m.Close()
	return err
}

func (n *Node) serve(ctx context.Context, m Membership) error {
	offsets := time.NewTicker(offsetInterval)
	defer offsets.Stop()
	ctx, cancel := context.WithCancel(ctx)
	changed := make(chan error, 1)
	var watching sync.WaitGroup
	watching.Go(func() {
		if err := watch(ctx, &n.cfg, n.log); err != nil {
			changed <- err
		}
	})
	defer watching.Wait()
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-changed:
			return err
		case a, ok := <-m.Assignments():
			if !ok {
				return errors.New("the group membership ended")
			}
			n.cfg.Log.Info("assigned", zap.Int32("generation", a.Generation), zap.Int32s("shards", a.Shards))
			n.assign(context.WithoutCancel(ctx), a.Shards)
			n.mu.Lock()
			n.assigned = true
			n.mu.Unlock()
		case <-n.ended:
		case <-offsets.C:
			n.commitOffsets(ctx, m)
		}
		if err := n.stopped(); err != nil {
			return err
		}
	}
}

// assign stops the shards that are not ours any more, then starts the new ones. A shard that stays keeps its term.
func (n *Node) assign(ctx context.Context, shards []int32) {
	n.mu.Lock()
	var gone []*running
	for id, r := range n.shards {
		if !slices.Contains(shards, id) {
			gone = append(gone, r)
			r.stop()
		}
	}
	n.mu.Unlock()
	patience := time.NewTimer(stopTimeout)
	defer patience.Stop()
	for _, r := range gone {
		select {
		case <-r.done:
		case <-patience.C:
			for _, r := range gone {
				r.kill()
			}
			<-r.done
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range gone {
		n.held[r.shard] = r.Status().Cut
		delete(n.shards, r.shard)
	}
	for _, id := range shards {
		if n.shards[id] == nil {
			n.shards[id] = n.start(ctx, id)
		}
	}
}

func (n *Node) start(ctx context.Context, id int32) *running {
	r := &running{Shard: newShard(&n.cfg, n.log, id), done: make(chan struct{})}
	hard, kill := context.WithCancel(ctx)
	stop, cancel := context.WithCancel(hard)
	r.kill, r.stop = kill, cancel
	go func() {
		defer kill()
		r.err = r.run(stop, hard)
		close(r.done)
		if r.err != nil {
			select {
			case n.ended <- struct{}{}:
			default:
			}
		}
	}()
	return r
}

// stopped returns why, once every shard of this node has stopped by itself.
func (n *Node) stopped() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var errs []error
	for _, r := range n.shards {
		select {
		case <-r.done:
			if r.err == nil {
				return nil
			}
			errs = append(errs, r.err)
		default:
			return nil
		}
	}
	return errors.Join(errs...)
}

// Shard returns a shard that runs here.
func (n *Node) Shard(id int32) (*Shard, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r, ok := n.shards[id]
	if !ok {
		return nil, false
	}
	return r.Shard, true
}

// Status returns the status of every shard of this node, in order.
func (n *Node) Status() []Status {
	n.mu.Lock()
	var shards []*Shard
	for _, r := range n.shards {
		shards = append(shards, r.Shard)
	}
	n.mu.Unlock()
	slices.SortFunc(shards, func(a, b *Shard) int { return int(a.shard - b.shard) })
	out := make([]Status, len(shards))
	for i, sh := range shards {
		out[i] = sh.Status()
	}
	return out
}

// Ready returns nil when this process is a member of the group and all its shards are past their fence and wait for no
// source; else what it waits for.
func (n *Node) Ready() error {
	n.mu.Lock()
	m, assigned := n.membership, n.assigned
	n.mu.Unlock()
	if m == nil {
		return errors.New("not a member of the group yet")
	}
	if err := m.Failing(); err != nil {
		return fmt.Errorf("not a member of the group: %w", err)
	}
	if !assigned {
		return errors.New("the group has not assigned anything yet")
	}
	for _, s := range n.Status() {
		switch {
		case s.Error != "":
			return fmt.Errorf("shard %d stopped: %s", s.Shard, s.Error)
		case !s.Ready:
			return fmt.Errorf("shard %d is %s", s.Shard, s.Phase)
		case s.Waiting != "" && n.cfg.clock().Sub(s.WaitSince) > waitPatience:
			return fmt.Errorf("shard %d waits for source %s since %v", s.Shard, s.Waiting, s.WaitSince.Format(time.RFC3339))
		}
	}
	return nil
}

// findStores notes which states lie in the data directory, so that the group gives their shards to this process. What
// cannot be read is no reason to fail: its owner will see.
func (n *Node) findStores() error {
	if n.cfg.Shards == 1 {
		return nil
	}
	for id := range n.cfg.Shards {
		dir := store.ShardDir(n.cfg.DataDir, id)
		if _, err := os.Stat(dir); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return fmt.Errorf("look for stores: %w", err)
		}
		st, err := store.Open(dir, store.Options{DedupeWindow: n.cfg.DedupeWindow, ReadOnly: true})
		if err != nil {
			continue
		}
		if head, err := st.Head(); err == nil && head != nil {
			n.held[id] = head.Cut
		}
		if err := st.Close(); err != nil {
			return err
		}
	}
	return nil
}

// heldShards tells the group's leader which states are here.
func (n *Node) heldShards() []eventlog.Held {
	n.mu.Lock()
	defer n.mu.Unlock()
	var held []eventlog.Held
	for id := range n.cfg.Shards {
		if r := n.shards[id]; r != nil {
			held = append(held, eventlog.Held{Shard: id, Cut: r.Status().Cut})
		} else if cut, ok := n.held[id]; ok {
			held = append(held, eventlog.Held{Shard: id, Cut: cut})
		}
	}
	return held
}

// commitOffsets tells lag tools how far the sources are. Nothing is ever read back.
func (n *Node) commitOffsets(ctx context.Context, m Membership) {
	type source struct {
		topic     string
		partition int32
	}
	next := make(map[source]int64)
	for _, s := range n.Status() {
		for _, src := range s.Sources {
			if at := (source{src.Topic, src.Partition}); src.Next > 0 {
				if before, ok := next[at]; !ok || src.Next < before {
					next[at] = src.Next
				}
			}
		}
	}
	var offsets []eventlog.CommittedOffset
	for at, offset := range next {
		offsets = append(offsets, eventlog.CommittedOffset{Topic: at.topic, Partition: at.partition, Offset: offset})
	}
	if len(offsets) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, offsetInterval)
	defer cancel()
	if err := m.CommitOffsets(ctx, offsets); err != nil && ctx.Err() == nil {
		n.cfg.Log.Debug("offsets not committed to the group", zap.Error(err))
	}
}
