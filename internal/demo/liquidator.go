package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/simulate"
)

// liquidator runs the bot: it reads the announcements of all shards and sends the answers.
type liquidator struct {
	client *eventlog.Client
	health *health // nil where nobody watches

	mu     sync.Mutex // guards the rest: shards are read side by side
	bot    *simulate.Bot
	feed   *feed
	asleep bool
	before int64            // answers of earlier runs
	sent   int              // answers
	recent []*events.Output // the last liquidations announced, oldest first

	shards []listened
}

// listened is how far one shard's announcements have been heard.
type listened struct {
	next     atomic.Int64 // offset in the topic, after what has been answered
	sequence uint64
}

// keepRecent is how many announcements are remembered for the view.
const keepRecent = 64

// newLiquidator makes a liquidator that first listens only: see wake.
func newLiquidator(ctx context.Context, c *eventlog.Client, shards int32) (*liquidator, error) {
	// Restarted producers take a new name, and the bot's ids must be new as well: the number of
	// answers that earlier runs gave is a name that none of them had.
	var before int64
	for s := range shards {
		_, end, err := c.Offsets(ctx, topicLiquidations, s)
		if err != nil {
			return nil, err
		}
		before += end
	}
	run := fmt.Sprint(before)
	f, err := newFeed(ctx, c, "liquidator-"+run, map[events.Role]string{events.RoleAccounts: topicLiquidations})
	if err != nil {
		return nil, err
	}
	l := &liquidator{client: c, bot: simulate.NewBot(run), feed: f, asleep: true, before: before, shards: make([]listened, shards)}
	l.bot.Sleep()
	return l, nil
}

// run reads until the context ends or something fails.
func (l *liquidator) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	for s := range l.shards {
		wait.Go(func() {
			if err := l.listen(ctx, int32(s)); err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	err := context.Cause(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("liquidator: %w", err)
}

func (l *liquidator) listen(ctx context.Context, shard int32) error {
	r := l.client.NewReader(events.StreamLiquidations.String(), shard, 0, eventlog.ReaderOptions{})
	for {
		f, err := r.Fetch(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		for i := range f.Records {
			if err := l.hear(shard, &f.Records[i]); err != nil {
				return err
			}
		}
		l.shards[shard].next.Store(f.NextOffset)
	}
}

// hear takes one record of an output topic.
func (l *liquidator) hear(shard int32, r *eventlog.Record) error {
	if orderlog.IsControl(r.Headers) || l.health == nil && !liquidates(kindOf(r.Value)) {
		return nil // most are margin calls: not worth parsing when nobody watches
	}
	if l.health == nil && isCall(r.Value) {
		return nil // nothing that the bot answers
	}
	o, err := events.ParseOutput(r.Value)
	if err != nil {
		return fmt.Errorf("shard %d, offset %d: %w", shard, r.Offset, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := &l.shards[shard]; o.Seq <= s.sequence {
		return nil // heard: what every consumer does with a repeated one
	} else {
		s.sequence = o.Seq
	}
	if l.health != nil {
		l.health.hear(o)
		if o.Kind == events.KindLiquidationTriggered || o.Kind == events.KindPoolBankrupt {
			l.recent = append(l.recent, o)
		}
	}
	if len(l.recent) >= 2*keepRecent {
		l.recent = append(l.recent[:0], l.recent[len(l.recent)-keepRecent:]...)
	}
	return l.send(l.bot.Hear(o))
}

func (l *liquidator) send(answers []simulate.Fact) error {
	for i := range answers {
		if err := l.feed.add(&answers[i]); err != nil {
			return err
		}
		l.sent++
	}
	return nil
}

// wake lets it answer. Before that the ledger must have folded everything that earlier runs of the
// liquidator said, and next must have passed what the ledger announced about it.
func (l *liquidator) wake() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.asleep {
		return nil
	}
	l.asleep = false
	return l.send(l.bot.Wake())
}

// figures returns how many answers were sent, and how many episodes ask for something.
func (l *liquidator) figures() (sent, awaiting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent, l.bot.Awaiting()
}

// last returns the last announcements, oldest first.
func (l *liquidator) last(n int) []*events.Output {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*events.Output(nil), l.recent[max(0, len(l.recent)-n):]...)
}

// heardAll reports whether everything that lies in the output topic now has been answered, and the
// answers are acknowledged.
func (l *liquidator) heardAll(ctx context.Context) (bool, error) {
	for s := range l.shards {
		_, end, err := l.client.Offsets(ctx, events.StreamLiquidations.String(), int32(s))
		if err != nil {
			return false, err
		}
		if l.shards[s].next.Load() < end {
			return false, nil
		}
	}
	return true, l.feed.flush()
}

// kindOf returns the kind of an announcement without parsing it: its third member, after the id
// and the sequence.
func kindOf(value []byte) string {
	const mark = `"kind":"`
	i := bytes.Index(value[:min(len(value), 128)], []byte(mark))
	if i < 0 {
		return ""
	}
	rest := value[i+len(mark):]
	return string(rest[:max(bytes.IndexByte(rest, '"'), 0)])
}

func liquidates(kind string) bool {
	switch kind {
	case "LiquidationTriggered", "LiquidationUpdated", "LiquidationCleared", "PoolBankrupt":
		return true
	}
	return false
}

// isCall reports, without parsing it, that an announcement is a margin call or the end of one: its kind stands near
// the front.
func isCall(value []byte) bool {
	return bytes.Contains(value[:min(len(value), 96)], []byte(`"kind":"MarginCall`))
}
