package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"marginledger/events"
)

// Live runs day after day at a pace that people can watch, until they end it. Where out is no
// terminal, it writes a line now and then.
func Live(ctx context.Context, o Options, perSecond int, out *os.File) (err error) {
	o.Day.Endless = true
	s, err := setUp(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if !s.day.Endless {
		return fmt.Errorf("%s holds a day of demo --once: use another directory", s.dir)
	}
	l := &live{stage: s, perSecond: max(perSecond, 100)}
	s.bot.health = newHealth()
	s.startLedger()
	making := make(chan struct{})
	go func() {
		defer close(making)
		if err := l.trade(); err != nil {
			s.fail(err)
		}
	}()
	if Terminal(out) {
		err = l.show(ctx, out)
	} else {
		err = l.print(ctx, out)
	}
	s.fail(nil)
	<-making
	return err
}

// live is a demo that people watch.
type live struct {
	*stage
	perSecond int

	mu      sync.Mutex // guards what the trading goroutine tells the view
	note    string
	clock   time.Time
	phase   string
	day     int64
	today   float64
	opened  int
	markets []ticker
	places  map[string]int // in markets
}

func (l *live) say(note string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note = note
}

// trade lets the exchange go on at its pace, from where an earlier run stopped.
func (l *live) trade() error {
	if !l.fresh() {
		l.say(fmt.Sprintf("going on: the exchange repeats its %s facts, the ledger catches up", thousands(l.have)))
	}
	for l.exchange.Made() < l.have {
		if err := l.step(4096); err != nil {
			return err
		}
	}
	if err := l.wake(nil); err != nil {
		return l.unlessEnded(err)
	}
	l.say("")
	const ticks = 50 // a second
	tick := time.NewTicker(time.Second / ticks)
	defer tick.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := l.step(l.perSecond / ticks); err != nil {
			return err
		}
	}
}

// unlessEnded returns err, or nil where the demo was ended.
func (l *live) unlessEnded(err error) error {
	if l.ctx.Err() != nil {
		return nil
	}
	return err
}

// step makes n facts. None lies in the future, however long the demo has run.
func (l *live) step(n int) error {
	for range n {
		if l.ctx.Err() != nil {
			return nil
		}
		f := l.exchange.Next()
		l.watch(&f.Event)
		for wait := time.Until(time.Unix(0, f.Event.Time)); wait > 0; wait = 0 {
			select {
			case <-l.ctx.Done():
				return nil
			case <-time.After(wait):
			}
		}
		if err := l.feed.add(f); err != nil {
			return l.unlessEnded(err)
		}
	}
	l.made.Store(l.exchange.Made())
	return nil
}

// watch notes what the view shows of the exchange.
func (l *live) watch(e *events.Event) {
	m, ok := e.Body.(*events.MarkPrice)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	facts, _ := l.exchange.Day()
	made := l.exchange.Made() - 1
	l.clock, l.phase, l.opened = time.Unix(0, e.Time), l.exchange.Phase(), l.exchange.Opened()
	l.today = float64(made%facts) / float64(facts)
	newDay := made/facts != l.day
	l.day = made / facts
	if newDay {
		for i := range l.markets {
			l.markets[i].first = l.markets[i].mark
		}
	}
	i, known := l.places[m.Market]
	if !known {
		if l.places == nil {
			l.places = make(map[string]int)
		}
		i = len(l.markets)
		l.places[m.Market] = i
		l.markets = append(l.markets, ticker{name: m.Market, first: m.Mark})
	}
	l.markets[i].mark = m.Mark
}

// look takes a glance at everything.
func (l *live) look() glance {
	now := l.standing()
	g := glance{
		made: l.made.Load(), applied: now.folded, lag: now.lag, cut: now.cut, broken: now.violations, dead: now.deadLetters,
		health: l.bot.health.tally(), recent: l.bot.last(keepRecent), err: context.Cause(l.ctx),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	g.note, g.clock, g.phase, g.day, g.today, g.opened = l.note, l.clock, l.phase, l.day, l.today, l.opened
	if l.have > 0 {
		g.repeat = min(float64(g.made)/float64(l.have), 1)
	}
	g.markets = append([]ticker(nil), l.markets...)
	return g
}

// show runs the view until somebody ends it.
func (l *live) show(ctx context.Context, out *os.File) error {
	screen := &screen{look: l.look}
	p := tea.NewProgram(screen, tea.WithContext(ctx), tea.WithOutput(out), tea.WithAltScreen(), tea.WithoutSignalHandler())
	_, err := p.Run()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("show the live view: %w", err)
	}
	if !screen.stopped && ctx.Err() == nil && l.ctx.Err() != nil {
		return context.Cause(l.ctx)
	}
	fmt.Fprintf(out, "ended: %s facts made, %s records folded, %d cuts\n", thousands(l.made.Load()), thousands(int64(l.standing().folded)), l.standing().cut)
	return nil
}

// print writes a line every few seconds until the context ends.
func (l *live) print(ctx context.Context, out io.Writer) error {
	screen := &screen{look: l.look}
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.ctx.Done(): // also when ctx ends
			if ctx.Err() != nil {
				return nil
			}
			return context.Cause(l.ctx)
		case at := <-tick.C:
			screen.see(l.look(), at)
			g := &screen.now
			fmt.Fprintf(out, "%s %-8s made %s  folded %s  %s/s  lag %s  calls %d  liquidations %d  bankruptcies %d  violations %d  dead letters %d\n",
				g.clock.UTC().Format(time.DateTime), g.phase, thousands(g.made), thousands(int64(g.applied)), thousands(int64(screen.rate)), thousands(g.lag),
				g.health.counts[events.KindMarginCall], g.health.counts[events.KindLiquidationTriggered], g.health.counts[events.KindPoolBankrupt], g.broken, g.dead)
		}
	}
}
