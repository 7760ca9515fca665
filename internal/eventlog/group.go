package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/heartbeat"
	"github.com/segmentio/kafka-go/protocol/leavegroup"
)

// GroupConfig describes a membership. Group and Topic are required.
type GroupConfig struct {
	Group string
	Topic string // the order topic: its partitions are the shards

	SessionTimeout time.Duration // after this long without a heartbeat, others take over; default 6 s, the least that brokers allow
	Heartbeat      time.Duration // also how long it takes to hear that somebody came or left; default 250 ms

	// UserData says which shards this process has state of, owned or not. It is asked at every rebalance, from the
	// membership's goroutine. May be nil.
	UserData func() []Held
}

// Assignment says which shards are this member's from now on. A shard that was there before stays acquired: its owner
// goes on with its term. During a rebalance, and while the group cannot be reached, the assignment before it stays in
// force: should others have taken over meanwhile, their fence stops this process, not the group.
type Assignment struct {
	Generation int32
	Shards     []int32 // in order
}

// Membership is a place in a consumer group. It says who should own a shard; only fencing says who does.
type Membership struct {
	client *Client
	cfg    GroupConfig
	stop   context.CancelFunc
	done   chan struct{}

	assignments chan Assignment
	failing     atomic.Pointer[error]

	mu         sync.Mutex
	memberID   string
	generation int32 // -1: none
}

// Join starts to be a member of a group and returns at once; the first assignment says that it is one. A cluster that
// is away is waited for: Failing says so. The membership lasts until Close; ctx bounds nothing but its own values.
func (c *Client) Join(ctx context.Context, cfg GroupConfig) (*Membership, error) {
	if cfg.Group == "" || cfg.Topic == "" {
		return nil, errors.New("join group: group and topic are required")
	}
	if cfg.SessionTimeout <= 0 {
		cfg.SessionTimeout = 6 * time.Second
	}
	if cfg.Heartbeat <= 0 {
		cfg.Heartbeat = 250 * time.Millisecond
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	m := &Membership{
		client: c, cfg: cfg, stop: stop, done: make(chan struct{}),
		assignments: make(chan Assignment, 1), generation: -1,
	}
	go func() {
		defer close(m.done)
		defer close(m.assignments)
		m.run(ctx)
	}()
	return m, nil
}

// Assignments delivers what is assigned. A newer assignment replaces one that was not yet received. The channel is
// closed by Close.
func (m *Membership) Assignments() <-chan Assignment { return m.assignments }

// Failing returns why the process is currently no member, nil while it is.
func (m *Membership) Failing() error {
	if err := m.failing.Load(); err != nil {
		return *err
	}
	return nil
}

// Close leaves the group, so that the others take over at once, and waits until that is done or a second and a half
// has passed: then they will notice by themselves.
func (m *Membership) Close() {
	m.stop()
	<-m.done
	m.mu.Lock()
	id := m.memberID
	m.memberID, m.generation = "", -1
	m.mu.Unlock()
	if id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer cancel()
	// What fails here costs the others a session timeout, nothing more.
	_ = retry(ctx, func() error {
		node, err := m.client.coordinator(ctx, coordinateGroup, m.cfg.Group)
		if err != nil {
			return err
		}
		res, err := ask[*leavegroup.Response](ctx, m.client, node, &leavegroup.Request{GroupID: m.cfg.Group, MemberID: id}, leaveVersion)
		if err != nil {
			return err
		}
		return codeError(res.ErrorCode)
	})
}

// run joins, keeps the membership alive, and joins again when the group changes.
func (m *Membership) run(ctx context.Context) {
	var b backoff
	for ctx.Err() == nil {
		node, a, err := m.join(ctx)
		if err == nil {
			b = backoff{}
			m.failing.Store(nil)
			m.deliver(a)
			err = m.heartbeats(ctx, node, a.Generation)
			if errors.Is(err, kafka.RebalanceInProgress) {
				continue // At once: the others wait for us.
			}
		}
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, kafka.UnknownMemberId) || errors.Is(err, kafka.FencedInstanceID) {
			m.become("", -1)
			continue
		}
		if errors.Is(err, kafka.RebalanceInProgress) || errors.Is(err, kafka.IllegalGeneration) {
			continue
		}
		m.failing.Store(&err)
		if b.wait(ctx) != nil {
			return
		}
	}
}

// deliver replaces an assignment that nobody has taken.
func (m *Membership) deliver(a Assignment) {
	for {
		select {
		case m.assignments <- a:
			return
		case <-m.assignments:
		}
	}
}

// become notes who we are in the group.
func (m *Membership) become(memberID string, generation int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.memberID, m.generation = memberID, generation
}

// identity returns it.
func (m *Membership) identity() (memberID string, generation int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.memberID, m.generation
}

// heartbeats keeps the membership alive and returns why it is over. A coordinator that does not answer is looked up
// again, for as long as a session lasts.
func (m *Membership) heartbeats(ctx context.Context, node, generation int32) error {
	tick := time.NewTicker(m.cfg.Heartbeat)
	defer tick.Stop()
	id, _ := m.identity()
	answered := time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		err := m.heartbeat(ctx, node, id, generation)
		switch {
		case err == nil:
			answered = time.Now()
			m.failing.Store(nil)
			continue
		case !retriable(err) || time.Since(answered) > m.cfg.SessionTimeout:
			return fmt.Errorf("heartbeat in group %s: %w", m.cfg.Group, err)
		}
		m.failing.Store(&err)
		if moved, err := m.client.coordinator(ctx, coordinateGroup, m.cfg.Group); err == nil {
			node = moved
		}
	}
}

func (m *Membership) heartbeat(ctx context.Context, node int32, id string, generation int32) error {
	// An answer that takes longer than half a session is of no use.
	ctx, cancel := context.WithTimeout(ctx, m.cfg.SessionTimeout/2)
	defer cancel()
	res, err := ask[*heartbeat.Response](ctx, m.client, node, &heartbeat.Request{
		GroupID: m.cfg.Group, MemberID: id, GenerationID: generation,
	}, heartbeatVersion)
	if err != nil {
		return err
	}
	return codeError(res.ErrorCode)
}
