package simulate

import (
	"testing"

	"marginledger/events"
	"marginledger/projector"
)

// loop runs an exchange and a bot on a fold, without Kafka. The bot's answers arrive late facts
// after what they answer.
type loop struct {
	t     *testing.T
	shard *projector.Shard
	bot   *Bot
	late  int

	offsets map[projector.Source]int64
	waiting [][]Fact // answers under way, one entry per fact still to come before them
	kinds   map[events.Kind]int
	rules   map[string]int
	answers int
}

func newLoop(t *testing.T, late int) *loop {
	return &loop{t: t, shard: projector.New(projector.Config{}), bot: NewBot("0"), late: late,
		offsets: make(map[projector.Source]int64), kinds: make(map[events.Kind]int), rules: make(map[string]int)}
}

func (l *loop) run(o Options) {
	x := New(o)
	for f := x.Next(); f != nil; f = x.Next() {
		l.apply("exchange", f)
		l.arrive()
	}
	for len(l.waiting) > 0 {
		l.arrive()
	}
}

// arrive applies the answers that are due, and moves the others up.
func (l *loop) arrive() {
	if len(l.waiting) == 0 {
		return
	}
	due := l.waiting[0]
	l.waiting = l.waiting[1:]
	for i := range due {
		l.answers++
		l.apply("liquidator", &due[i])
	}
}

func (l *loop) apply(topic string, f *Fact) {
	src := projector.Source{Topic: topic + "." + f.Role.String()}
	l.offsets[src]++
	e := f.Event
	e.Producer, e.Sequence = topic, uint64(l.offsets[src])
	fx := l.shard.Apply(&projector.Record{
		Source: src, Offset: l.offsets[src] - 1, Timestamp: 1_800_000_000_000, Key: []byte(f.Key), Role: f.Role, Event: &e,
	})
	for i := range fx.Outputs {
		out := &fx.Outputs[i]
		l.kinds[out.Kind]++
		switch out.Kind {
		case events.KindDeadLetter:
			l.t.Fatalf("%s %s at offset %d: dead letter %s (%s): %+v", topic, e.Type, l.offsets[src]-1, out.Reason, out.Detail, e.Body)
		case events.KindViolation:
			l.rules[topic+" "+out.Rule]++
		}
		parsed, err := events.ParseOutput(out.AppendJSON(nil))
		if err != nil {
			l.t.Fatal(err)
		}
		if answers := l.bot.Hear(parsed); len(answers) > 0 {
			for len(l.waiting) <= l.late {
				l.waiting = append(l.waiting, nil)
			}
			l.waiting[l.late] = append(l.waiting[l.late], answers...)
		}
	}
}

// A day has no dead letter; it has calls, liquidations and bankruptcies; and all is answered at its end.
func TestDayOnTheFold(t *testing.T) {
	for _, late := range []int{0, 2000} {
		l := newLoop(t, late)
		l.run(Options{Seed: 11, Accounts: 2000, Events: 120_000})
		t.Logf("late %d: %v, %d answers, violations %v", late, l.kinds, l.answers, l.rules)
		for _, k := range []events.Kind{events.KindMarginCall, events.KindMarginCallCleared, events.KindLiquidationTriggered,
			events.KindLiquidationUpdated, events.KindLiquidationCleared, events.KindPoolBankrupt} {
			if l.kinds[k] == 0 {
				t.Errorf("late %d: no %s", late, k)
			}
		}
		if n := l.bot.Awaiting(); n != 0 {
			t.Errorf("late %d: %d episodes await an answer at the end", late, n)
		}
		for rule, n := range l.rules {
			if rule != "liquidator liquidation_without_episode" && rule != "liquidator covers_no_bankruptcy" {
				t.Errorf("late %d: %d violations: %s", late, n, rule)
			}
		}
	}
}
