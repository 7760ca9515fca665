package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"marginledger/events"
	"marginledger/internal/pipeline"
	"marginledger/internal/simulate"
	"marginledger/internal/topics"
	"marginledger/projector"
)

// Options say what a demo runs and where.
type Options struct {
	Day     Day
	Dir     string      // kept; "": a temporary directory, removed at the end
	Command []string    // that starts the broker; see StartBroker
	Log     *zap.Logger // of the ledger; nil: silent
}

// stage is everything that runs in a demo.
type stage struct {
	day      Day
	dir      string
	temp     bool
	cluster  *cluster
	exchange *simulate.Exchange
	feed     *feed
	have     int64        // facts that an earlier run made already
	made     atomic.Int64 // by the exchange, those included
	bot      *liquidator
	node     *pipeline.Node

	ctx    context.Context // ends when anything fails
	fail   context.CancelCauseFunc
	ledger struct {
		once sync.Once
		stop context.CancelFunc
		done chan struct{}
	}
	listening sync.WaitGroup
}

// setUp starts the broker, makes the topics and opens everything; nothing moves yet.
func setUp(ctx context.Context, o Options) (_ *stage, err error) {
	s := &stage{dir: o.Dir}
	if s.dir == "" {
		s.temp = true
		if s.dir, err = os.MkdirTemp("", "ledger-demo-"); err != nil {
			return nil, fmt.Errorf("make a temporary directory: %w", err)
		}
	}
	s.ctx, s.fail = context.WithCancelCause(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.day, err = keepDay(s.dir, o.Day); err != nil {
		return nil, err
	}
	if s.cluster, err = startCluster(ctx, o.Command, s.dir); err != nil {
		return nil, err
	}
	go func() {
		select {
		case <-s.cluster.child.Ended():
			s.fail(errors.New("the broker process ended")) // nothing would ever come again
		case <-s.ctx.Done():
		}
	}()
	if _, err = topics.Create(ctx, s.cluster.client, s.day.plan()); err != nil {
		return nil, err
	}
	s.exchange = s.day.exchange()
	if s.feed, err = newFeed(s.ctx, s.cluster.client, "exchange", topicOf); err != nil {
		return nil, err
	}
	if s.have, err = s.feed.resume(ctx, s.cluster.client, topicOf); err != nil {
		return nil, err
	}
	if s.bot, err = newLiquidator(s.ctx, s.cluster.client, s.day.Shards); err != nil {
		return nil, err
	}
	cfg := s.day.ledger(s.dir)
	cfg.Log = o.Log
	if s.node, err = pipeline.NewNode(cfg, pipeline.Kafka(s.cluster.client)); err != nil {
		return nil, err
	}
	return s, nil
}

// startLedger starts the ledger, and the liquidator listening to it.
func (s *stage) startLedger() {
	// Not a child of the caller's context: the ledger ends after those that feed it.
	ctx, stop := context.WithCancel(context.WithoutCancel(s.ctx))
	s.ledger.stop, s.ledger.done = stop, make(chan struct{})
	go func() {
		defer close(s.ledger.done)
		if err := s.node.Run(ctx); err != nil {
			s.fail(fmt.Errorf("the ledger stopped: %w", err))
		} else if ctx.Err() == nil {
			s.fail(errors.New("the ledger stopped"))
		}
	}()
	s.listening.Go(func() {
		if err := s.bot.run(s.ctx); err != nil {
			s.fail(err)
		}
	})
}

// stopLedger lets the ledger finish what is under way, and waits for it.
func (s *stage) stopLedger() {
	if s.ledger.done != nil {
		s.ledger.stop()
		<-s.ledger.done
	}
}

// close ends what runs, in the order of the data's way, and removes a temporary directory.
func (s *stage) close() error {
	s.fail(nil)
	s.listening.Wait()
	s.stopLedger()
	var errs []error
	if s.cluster != nil {
		errs = append(errs, s.cluster.close())
	}
	if s.temp {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// produce makes facts until there are n in all, or none are left.
func (s *stage) produce(n int64) error {
	for s.exchange.Made() < n {
		if s.exchange.Made()%1024 == 0 {
			s.made.Store(s.exchange.Made())
			if s.ctx.Err() != nil {
				return context.Cause(s.ctx)
			}
		}
		f := s.exchange.Next()
		if f == nil {
			break
		}
		if err := s.feed.add(f); err != nil {
			return errors.Join(context.Cause(s.ctx), err)
		}
	}
	s.made.Store(s.exchange.Made())
	return nil
}

// ends returns the end of every input partition.
func (s *stage) ends() (map[projector.Source]int64, error) {
	ends := make(map[projector.Source]int64)
	for _, in := range inputs() {
		parts := in.Partitions
		if parts == 0 {
			parts = s.day.Shards
		}
		for p := range parts {
			_, end, err := s.cluster.client.Offsets(s.ctx, in.Name, p)
			if err != nil {
				return nil, err
			}
			ends[projector.Source{Topic: in.Name, Partition: p}] = end
		}
	}
	return ends, nil
}

// committed reports whether everything that lies in the inputs now is folded, published and stored.
func (s *stage) committed() (bool, error) {
	ends, err := s.ends()
	if err != nil {
		return false, err
	}
	for id := range s.day.Shards {
		ok, err := s.shardHas(id, ends)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func (s *stage) shardHas(id int32, ends map[projector.Source]int64) (_ bool, err error) {
	shard, ok := s.node.Shard(id)
	if !ok {
		return false, nil
	}
	view, err := shard.Snapshot()
	if errors.Is(err, pipeline.ErrNotReady) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, view.Close()) }()
	head, err := view.Head()
	if err != nil {
		return false, err
	}
	for src, end := range ends {
		if ofShards(src.Topic) && src.Partition != id || end == 0 {
			continue
		}
		if head == nil {
			return false, nil
		}
		if p := head.Place(src); p == nil || p.Next < end {
			return false, nil
		}
	}
	return true, nil
}

// ofShards reports whether a topic has a partition per shard.
func ofShards(topic string) bool { return topic == topicAccounts || topic == topicLiquidations }

// settled reports whether nothing will happen any more while no new facts come: everything is
// committed, heard, and answered. What nobody answered by then, nobody will.
func (s *stage) settled() (bool, error) {
	sent, _ := s.bot.figures()
	if err := s.bot.feed.flush(); err != nil { // so that what was sent is among what must be committed
		return false, err
	}
	if ok, err := s.committed(); err != nil || !ok {
		return false, err
	}
	if ok, err := s.bot.heardAll(s.ctx); err != nil || !ok {
		return false, err
	}
	after, _ := s.bot.figures()
	return sent == after, nil
}

// await waits until a condition holds; meanwhile says what goes on.
func (s *stage) await(holds func() (bool, error), meanwhile func()) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := holds()
		if s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		if err != nil || ok {
			return err
		}
		if meanwhile != nil {
			meanwhile()
		}
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
}

// standing is how far the shards are, together.
type standing struct {
	folded uint64    // records, since ever
	lag    int64     // records that lie before them
	cut    uint64    // sum of the shards' last cuts
	since  time.Time // when the first of them began to fetch

	violations, deadLetters uint64 // folded by this process
}

func (s *stage) standing() standing {
	var all standing
	for _, st := range s.node.Status() {
		all.folded += st.N
		all.cut += st.Cut
		all.violations += st.ByKind[events.KindViolation.String()]
		all.deadLetters += st.ByKind[events.KindDeadLetter.String()]
		for _, src := range st.Sources {
			all.lag += max(src.Lag, 0)
		}
		if all.since.IsZero() || st.Started.Before(all.since) {
			all.since = st.Started
		}
	}
	return all
}

// fresh reports whether nothing ran here before.
func (s *stage) fresh() bool { return s.have == 0 && s.bot.before == 0 }

// wake lets the liquidator answer: at once where nothing ran here before, else when everything that
// lies here is folded and heard.
func (s *stage) wake(meanwhile func()) error {
	if !s.fresh() {
		caughtUp := func() (bool, error) {
			if ok, err := s.committed(); err != nil || !ok {
				return false, err
			}
			return s.bot.heardAll(s.ctx)
		}
		if err := s.await(caughtUp, meanwhile); err != nil {
			return err
		}
	}
	return s.bot.wake()
}
