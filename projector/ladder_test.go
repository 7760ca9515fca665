package projector_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"marginledger/events"
	"marginledger/internal/reference"
	"marginledger/internal/simulate/stream"
	"marginledger/projector"
)

var (
	ladderSeed    = flag.Uint64("ladder-seed", 0, "first seed of TestLadder")
	ladderStreams = flag.Uint64("ladder-streams", 40, "seeds of TestLadder")
)

// ladderCase is a kind of stream. A venue adds its own: run hands record after record to apply, which folds
// each in all ways and returns what is announced. model says whether the reference model knows the profile.
type ladderCase struct {
	name  string
	run   func(rng *rand.Rand, apply func(*projector.Record) []events.Output)
	model bool
	every uint64 // run of so many seeds only one
}

var ladderCases = []ladderCase{
	{"standard, all facts", standardStream(stream.Options{Records: 250}), true, 1},
	{"standard, calm prices, many accounts", standardStream(stream.Options{Records: 1500, Accounts: 40, Markets: 2, Calm: 70}), true, 10},
	{"standard, calm prices, few markets", standardStream(stream.Options{Records: 400, Accounts: 6, Markets: 1, Calm: 50, Clean: true}), true, 4},
}

func standardStream(o stream.Options) func(*rand.Rand, func(*projector.Record) []events.Output) {
	return func(rng *rand.Rand, apply func(*projector.Record) []events.Output) {
		o := o
		o.Watch = apply
		stream.Random(rng, o)
	}
}

// TestLadder folds random streams in six ways: with the ladder; with new bounds late, as after a jump; with all bounds read; with
// every holder judged at every move; with the ladder thrown away and made anew at random places; and by the
// reference model. Record by record they announce the same bytes.
func TestLadder(t *testing.T) {
	for _, c := range ladderCases {
		t.Run(c.name, func(t *testing.T) {
			var work projector.Work
			for seed := *ladderSeed; seed < *ladderSeed+(*ladderStreams+c.every-1)/c.every; seed++ {
				w := newLadderWays(t, seed, c)
				c.run(w.rng, w.apply)
				work.Jumps += w.late.Work().Jumps
				work.Crossed += w.ladder.Work().Crossed
				if a, b := w.ladder.Work().Judged, w.all.Work().Judged; a > b {
					t.Errorf("seed %d: the ladder judged %d pools, all are %d", seed, a, b)
				}
			}
			if work.Jumps == 0 || work.Crossed == 0 {
				t.Errorf("%+v: these streams prove nothing", work)
			}
		})
	}
}

// ladderWays are the six.
type ladderWays struct {
	*testing.T
	seed  uint64
	c     ladderCase
	rng   *rand.Rand
	n     int
	cfg   projector.Config
	model *reference.Model
	kept  map[string][]byte

	ladder, late, scan, all, restarted *projector.Shard
}

func newLadderWays(t *testing.T, seed uint64, c ladderCase) *ladderWays {
	w := &ladderWays{T: t, seed: seed, c: c, rng: rand.New(rand.NewPCG(seed, 11)), cfg: projector.Config{DedupeWindow: 40}, kept: map[string][]byte{}}
	w.ladder, w.late, w.all, w.restarted = projector.New(w.cfg), projector.New(w.cfg), projector.New(w.cfg), projector.New(w.cfg)
	w.scan = projector.New(w.cfg)
	w.scan.Detect(projector.DetectByScan)
	w.late.JumpSoon()
	w.all.JudgeAll()
	if c.model {
		w.model = reference.New(0, w.cfg.DedupeWindow)
	}
	return w
}

// apply folds a record in all ways, and returns what is announced.
func (w *ladderWays) apply(r *projector.Record) []events.Output {
	w.Helper()
	fx := w.all.Apply(r)
	want := announcements(fx)
	w.same("the ladder", w.ladder, announcements(w.ladder.Apply(r)), want)
	w.same("with late bounds", w.late, announcements(w.late.Apply(r)), want)
	w.same("reading all bounds", w.scan, announcements(w.scan.Apply(r)), want)
	w.same("the ladder made anew", w.restarted, announcements(w.restarted.Apply(r)), want)
	if w.model != nil {
		outputs, dead, _, duplicate := w.model.Apply(r)
		w.same("the model", nil, announcements(&projector.Effects{Outputs: outputs, DeadLetters: dead, Duplicate: duplicate}), want)
	}
	if w.rng.IntN(25) == 0 {
		w.restarted = restart(w.T, w.restarted, w.cfg, w.kept)
		if w.rng.IntN(2) == 0 {
			w.restarted.JumpSoon()
		}
		w.sound("made anew", w.restarted)
	}
	w.n++
	return fx.Outputs
}

func (w *ladderWays) same(way string, s *projector.Shard, got, want string) {
	w.Helper()
	if got != want {
		w.Fatalf("record %d: %s announces\n%s\njudging everything\n%s\n%s", w.n, way, got, want, w.repeat())
	}
	if s != nil && w.n%7 == 0 {
		w.sound(way, s)
	}
}

func (w *ladderWays) sound(way string, s *projector.Shard) {
	w.Helper()
	if err := s.CheckLadders(); err != nil {
		w.Fatalf("record %d: %s: %v\n%s", w.n, way, err, w.repeat())
	}
}

func (w *ladderWays) repeat() string {
	return fmt.Sprintf("repeat: go test ./projector -run '%s' -ladder-seed %d -ladder-streams 1", w.Name(), w.seed)
}
