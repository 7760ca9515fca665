package e2e

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/simulate"
)

// exchange is the demo's exchange with its liquidator, on a world's topics.
type exchange struct {
	w       *world
	day     int64 // facts
	made    atomic.Int64
	facts   *simulate.Exchange
	trades  *feed
	answers *feed

	mu   sync.Mutex // guards the bot: shards are heard side by side
	bot  *simulate.Bot
	sent int
	mute bool // it hears, but answers no more

	heard []atomic.Int64 // next offset of the liquidations topic, by shard
	wait  sync.WaitGroup
	end   context.CancelFunc
	ctx   context.Context
}

// feed numbers the facts of one producer per partition and sends them.
type feed struct {
	w          *world
	name       string
	topics     map[events.Role]string
	producer   *eventlog.Producer
	partitions map[string]*feedPartition
}

type feedPartition struct {
	async    *eventlog.Async
	sequence uint64
	time     int64
}

func (w *world) feed(name string, topics map[events.Role]string) *feed {
	w.t.Helper()
	p, err := w.client.NewProducer(w.ctx, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return &feed{w: w, name: name, topics: topics, producer: p, partitions: make(map[string]*feedPartition)}
}

func (f *feed) add(fact *simulate.Fact) error {
	topic, partition := f.topics[fact.Role], int32(0)
	if fact.Role == events.RoleAccounts {
		partition = eventlog.Murmur2Partition([]byte(fact.Key), f.w.shards)
	}
	at := fmt.Sprint(topic, "/", partition)
	p := f.partitions[at]
	if p == nil {
		p = &feedPartition{async: f.producer.Async(f.w.ctx, topic, partition)}
		f.partitions[at] = p
	}
	p.sequence++
	e := fact.Event
	p.time = max(p.time, e.Time) // a producer's times do not fall
	e.Producer, e.Sequence, e.Time = f.name, p.sequence, p.time
	return p.async.Add(eventlog.ProduceRecord{Key: []byte(fact.Key), Value: events.AppendProto(nil, &e)})
}

func (f *feed) flush() error {
	var all []error
	for _, p := range f.partitions {
		all = append(all, p.async.Flush())
	}
	return errors.Join(all...)
}

// trade makes up an exchange and lets its liquidator listen.
func (w *world) trade(seed uint64, accounts int, day int64) *exchange {
	w.t.Helper()
	topics := make(map[events.Role]string)
	for _, in := range inputs {
		if in.name != "liquidator" {
			topics[in.role] = w.topic(in.name)
		}
	}
	x := &exchange{
		w: w, day: day,
		facts:  simulate.New(simulate.Options{Seed: seed, Accounts: accounts, Events: day, Endless: true}),
		trades: w.feed("exchange", topics), answers: w.feed("liquidator", map[events.Role]string{events.RoleAccounts: w.topic("liquidator")}),
		bot: simulate.NewBot("1"), heard: make([]atomic.Int64, w.shards),
	}
	x.ctx, x.end = context.WithCancel(w.ctx)
	for id := range w.shards {
		x.wait.Go(func() { x.listen(id) })
	}
	w.t.Cleanup(x.close)
	return x
}

// close ends the liquidator.
func (x *exchange) close() {
	x.end()
	x.wait.Wait()
}

// produce sends n more facts at a rate per second; 0 is as fast as it goes. At a rate, no topic is far ahead of the
// others, also when the broker goes away: an exchange that trades in an account whose liquidation is announced already
// is more than the liquidator understands.
func (x *exchange) produce(ctx context.Context, n int64, rate int64) error {
	begin := time.Now()
	for i := range n {
		if rate > 0 && i%16 == 0 {
			if err := x.trades.flush(); err != nil {
				return err
			}
			select {
			case <-time.After(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(rate)))):
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			break
		}
		if err := x.trades.add(x.facts.Next()); err != nil {
			return err
		}
		x.made.Add(1)
	}
	return x.trades.flush()
}

// open lets it trade at a rate per second until the returned function is called, which makes the rest of the day at full
// speed, so that every test has its crash, and waits until all is folded and answered.
func (x *exchange) open(rate int64) (end func()) {
	ctx, stop := context.WithCancel(x.w.ctx)
	produced := make(chan error, 1)
	go func() { produced <- x.produce(ctx, 1<<40, rate) }()
	return func() {
		x.w.t.Helper()
		stop()
		err := <-produced
		if rest := x.day - x.made.Load(); err == nil && rest > 0 {
			err = x.produce(x.w.ctx, rest, 0)
		}
		if err != nil {
			x.w.t.Fatal(err)
		}
		x.settle()
		x.close()
	}
}

// silence ends the liquidator's answers.
func (x *exchange) silence() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mute = true
}

// more waits until the exchange has made n facts from now on.
func (x *exchange) more(n int64) {
	x.w.t.Helper()
	before := x.made.Load()
	awaitFor(x.w.t, time.Minute, "more facts", func() bool { return x.made.Load() >= before+n }, x.w.why)
}

// listen is a consumer that trusts the ledger: it wants every announcement once, in order, as they come.
func (x *exchange) listen(shard int32) {
	topic := x.w.settings().OutputTopics[events.StreamLiquidations]
	r := x.w.client.NewReader(topic, shard, 0, eventlog.ReaderOptions{})
	seq := uint64(0)
	for {
		f, err := r.Fetch(x.ctx)
		if err != nil {
			if x.ctx.Err() == nil {
				x.w.t.Errorf("the liquidator cannot read: %v", err)
			}
			return
		}
		for i := range f.Records {
			if orderlog.IsControl(f.Records[i].Headers) {
				continue
			}
			o, err := events.ParseOutput(f.Records[i].Value)
			if err != nil {
				x.w.t.Errorf("%s/%d@%d: %v", topic, shard, f.Records[i].Offset, err)
				return
			}
			if seq++; o.Seq != seq {
				x.w.t.Errorf("the liquidator got announcement %d of shard %d, expected %d", o.Seq, shard, seq)
				return
			}
			if err := x.hear(o); err != nil {
				if x.ctx.Err() == nil {
					x.w.t.Errorf("the liquidator cannot answer: %v", err)
				}
				return
			}
		}
		x.heard[shard].Store(f.NextOffset)
	}
}

func (x *exchange) hear(o *events.Output) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	answers := x.bot.Hear(o)
	if x.mute {
		return nil
	}
	for i := range answers {
		if err := x.answers.add(&answers[i]); err != nil {
			return err
		}
		x.sent++
	}
	return nil
}

// settle waits until nothing happens any more: all facts stored, all announcements answered, all answers stored.
func (x *exchange) settle() {
	x.w.t.Helper()
	settled := func() bool {
		x.mu.Lock()
		before := x.sent
		err := x.answers.flush()
		x.mu.Unlock()
		if err != nil {
			x.w.t.Fatal(err)
		}
		if !x.w.caughtUp() {
			return false
		}
		for id := range x.w.shards {
			_, end, err := x.w.client.Offsets(x.w.ctx, x.w.settings().OutputTopics[events.StreamLiquidations], id)
			if err != nil {
				x.w.t.Fatal(err)
			}
			if x.heard[id].Load() < end {
				return false
			}
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.sent == before
	}
	awaitFor(x.w.t, 120*time.Second, "the exchange to settle", settled, x.w.why)
}
