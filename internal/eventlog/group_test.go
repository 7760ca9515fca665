package eventlog_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
)

// node is a group member as a test sees it.
type node struct {
	*eventlog.Membership
	mu   sync.Mutex
	last eventlog.Assignment
}

func (n *node) shards() []int32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last.Shards
}

// joinGroup starts a member that reports what it holds.
func joinGroup(t *testing.T, c *eventlog.Client, group, topic string, held func() []eventlog.Held) *node {
	t.Helper()
	m, err := c.Join(kafkatest.Context(t), eventlog.GroupConfig{
		Group: group, Topic: topic, Heartbeat: 50 * time.Millisecond, UserData: held,
	})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{Membership: m}
	t.Cleanup(m.Close)
	go func() {
		for a := range m.Assignments() {
			n.mu.Lock()
			n.last = a
			n.mu.Unlock()
		}
	}()
	return n
}

func TestGroupSharesAndLeaves(t *testing.T) {
	k := kafkatest.Start(t)
	topic, group := k.Topic(t, "group.order.v1", 4, nil), k.Name("group")
	cutsOf := func(cut uint64, shards ...int32) func() []eventlog.Held {
		return func() (held []eventlog.Held) {
			for _, s := range shards {
				held = append(held, eventlog.Held{Shard: s, Cut: cut})
			}
			return held
		}
	}

	a := joinGroup(t, k.Client(t), group, topic, cutsOf(10, 0, 1, 2, 3))
	kafkatest.Await(t, "the first member to have all shards", func() bool { return len(a.shards()) == 4 })

	// The second has newer state of shard 2, older state of shard 3, and of nothing else.
	held := []eventlog.Held{{Shard: 2, Cut: 11}, {Shard: 3, Cut: 9}}
	b := joinGroup(t, k.Client(t), group, topic, func() []eventlog.Held { return held })
	kafkatest.Await(t, "two shards each", func() bool { return len(a.shards()) == 2 && len(b.shards()) == 2 })
	if !slices.Contains(b.shards(), 2) {
		t.Fatalf("shard 2 belongs to who has its highest cut: %v and %v", a.shards(), b.shards())
	}
	if !slices.Equal(b.shards(), []int32{2, 3}) {
		t.Fatalf("what has to move goes to who has some of it: %v and %v", a.shards(), b.shards())
	}

	commit := []eventlog.CommittedOffset{{Topic: topic, Partition: 1, Offset: 7}}
	kafkatest.Await(t, "an offset to be committed", func() bool {
		err := a.CommitOffsets(kafkatest.Context(t), commit) // A rebalance may be going on still.
		if err != nil && !errors.Is(err, eventlog.ErrStaleGeneration) {
			t.Fatal(err)
		}
		return err == nil
	})
	got, err := k.Client(t).CommittedOffsets(kafkatest.Context(t), group, topic, []int32{0, 1})
	if err != nil || !slices.Equal(got, commit) {
		t.Fatalf("committed offsets %v, %v", got, err)
	}

	// Without the leave, this would take the session timeout of six seconds.
	a.Close()
	kafkatest.Await(t, "the other to take over", func() bool { return len(b.shards()) == 4 })
	if err := a.CommitOffsets(kafkatest.Context(t), commit); !errors.Is(err, eventlog.ErrStaleGeneration) {
		t.Fatalf("a commit of who has left: %v", err)
	}
}

func TestGroupKeepsShardsWithTheirHolders(t *testing.T) {
	k := kafkatest.Start(t)
	topic, group := k.Topic(t, "sticky.order.v1", 6, nil), k.Name("sticky")
	var nodes []*node
	for range 3 {
		var n *node
		var mu sync.Mutex
		hold := func() (held []eventlog.Held) {
			mu.Lock()
			defer mu.Unlock()
			if n != nil {
				for _, s := range n.shards() {
					held = append(held, eventlog.Held{Shard: s, Cut: 1})
				}
			}
			return held
		}
		mu.Lock()
		n = joinGroup(t, k.Client(t), group, topic, hold)
		mu.Unlock()
		nodes = append(nodes, n)
		kafkatest.Await(t, "shares to be even", func() bool {
			total := 0
			for _, n := range nodes {
				if len(n.shards()) != 6/len(nodes) {
					return false
				}
				total += len(n.shards())
			}
			return total == 6
		})
	}
	before := [][]int32{slices.Clone(nodes[0].shards()), slices.Clone(nodes[1].shards())}
	nodes[2].Close()
	kafkatest.Await(t, "the two to share everything", func() bool {
		return len(nodes[0].shards()) == 3 && len(nodes[1].shards()) == 3
	})
	for i, shards := range before {
		for _, s := range shards {
			if !slices.Contains(nodes[i].shards(), s) {
				t.Fatalf("member %d had %v and now has %v", i, shards, nodes[i].shards())
			}
		}
	}
}

func TestCloseBeforeAnyBrokerAnswers(t *testing.T) {
	c, err := eventlog.Open(eventlog.Config{Brokers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m, err := c.Join(context.Background(), eventlog.GroupConfig{Group: "g", Topic: "t"})
	if err != nil {
		t.Fatal(err)
	}
	kafkatest.Await(t, "the membership to say that it fails", func() bool { return m.Failing() != nil })
	m.Close()
	if _, open := <-m.Assignments(); open {
		t.Fatal("an assignment without a broker")
	}
}
