package bench

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"marginledger/events"
	"marginledger/internal/config"
	"marginledger/projector"
)

// ticks is what a price costs at a crowd of accounts. After the calm walk there are two crowds: one sees the jump; in the other
// some withdraw until they are near their next call, before it sees the violent walk.
var ticks = benchmark{
	figures: []Figure{
		{Name: "tick_calm_ns", Unit: "ns", Goal: "< 1000", Note: "a price of the largest market, mean; all 200 markets walk by 0.1 to 0.3 bp a tick, the 50 smallest drift by 1.5 % in all; slack ≥ 1 %"},
		{Name: "tick_calm_scan_ratio", Unit: "ratio", Goal: "> 5000", Note: "time of a scan over that of a tick"},
		{Name: "tick_violent_ns", Unit: "ns", Goal: "< 100000", Note: "the same at 1 to 3 bp a tick, slack down to 0.3 %"},
		{Name: "tick_violent_scan_ratio", Unit: "ratio", Goal: "> 50", Note: "time of a scan over that of a tick"},
		{Name: "tick_jump_scan_ratio", Unit: "ratio", Goal: "<= 1.3", Note: "−5 % in the largest market, to the last announcement; over the same in a fold that reads all bounds, announcements included in both"},
		{Name: "tick_after_jump_scan_ratio", Unit: "ratio", Goal: "<= 1.3", Note: "99.9th percentile of the ticks of all markets after the jump, the late bounds among them; over a scan"},
		{Name: "tick_scan_ns", Unit: "ns", Goal: "<= 4", Note: "a scan, per holder of the largest market: equity less maintenance brought up to date in a structure of arrays, announcing nothing"},
	},
	quick:   true,
	measure: measureTicks,
}

// The walks.
var (
	calmWalk    = walk{least: 0.1, most: 0.3}
	violentWalk = walk{least: 1, most: 3}
)

// Accounts of the figures of ticks and of large folds; a quick run has fewer, as making them takes most of its time.
const largeCrowd, quickCrowd = 1_000_000, 250_000

func measureTicks(r *run) (map[string]float64, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(config.Default().Memory.GCPercent)) // as the service has it
	begun := time.Now()
	c, err := newCrowd(r.accounts(largeCrowd, quickCrowd), 0.01)
	if err != nil {
		return nil, err
	}
	t := c.shard.Totals()
	s := c.scanOf()
	r.say("a crowd of %d accounts, %d positions, %d in the largest market, after %.1f s", t.Accounts, t.Positions, len(s.sizes), time.Since(begun).Seconds())
	values := map[string]float64{}
	rounds := r.size(200_000, 20_000)
	w := calmWalk
	w.drift = 150 / float64(rounds)
	twin, err := c.row(r, "calm", w, rounds, values)
	if err != nil {
		return nil, err
	}
	other, err := c.fork()
	if err != nil {
		return nil, err
	}
	if err := c.jump(r, twin, values); err != nil {
		return nil, err
	}
	c = other
	if err := c.approach(0.003, 0.01); err != nil {
		return nil, err
	}
	if _, err := c.row(r, "violent", violentWalk, r.size(20_000, 2_000), values); err != nil {
		return nil, err
	}
	for _, name := range []string{"tick_calm_ns", "tick_violent_ns"} {
		r.note(name, fmt.Sprintf("%d accounts, %d positions, largest market held by %d", t.Accounts, t.Positions, len(s.sizes)))
	}
	return values, nil
}

// row walks, and compares a stretch of the walk with a scan. It returns the twin that it compared with, which is where the
// crowd is.
func (c *crowd) row(r *run, name string, w walk, rounds int, values map[string]float64) (*projector.Shard, error) {
	before, told := c.shard.Work(), c.tally
	c.digest = sha256.New()
	times := hdrhistogram.New(1, int64(time.Minute), 3)
	begun := time.Now()
	for i := range rounds {
		took, err := c.round(w)
		if err != nil {
			return nil, err
		}
		if err := times.RecordValue(took.Nanoseconds()); err != nil {
			return nil, fmt.Errorf("a tick: %w", err)
		}
		if i%512 == 0 && r.ctx.Err() != nil {
			return nil, fmt.Errorf("interrupted: %w", r.ctx.Err())
		}
	}
	work := c.shard.Work()
	counts := fmt.Sprintf("%d ticks of the largest of all %d: %d evaluations, %d crossings, %d new bounds, %d announcements (%d by the largest), digest %.8x", rounds, rounds*crowdMarkets,
		work.Judged-before.Judged, work.Crossed-before.Crossed, work.Bounded-before.Bounded, c.announced-told.announced, c.ofLargest-told.ofLargest, c.digest.Sum(nil))
	if c.announced == told.announced {
		return nil, fmt.Errorf("the %s walk announced nothing, so it shows nothing: %s", name, counts)
	}
	s := c.scanOf()
	if err := s.agrees(c); err != nil {
		return nil, err
	}
	scan := s.measure()
	r.say("%s, after %.1f s: %s", name, time.Since(begun).Seconds(), counts)
	r.say("%s: mean %.0f, p50 %d, p99 %d, p99.9 %d, most %d ns; a scan of %d holders %.3f ms", name, times.Mean(), times.ValueAtPercentile(50), times.ValueAtPercentile(99),
		times.ValueAtPercentile(99.9), times.Max(), len(s.sizes), scan.Seconds()*1e3)
	r.note("tick_"+name+"_ns", counts)
	clock := clockCost()
	mean := max(times.Mean()-clock, 1)
	r.note("tick_"+name+"_ns", fmt.Sprintf("less %.0f ns that the clock takes", clock))
	values["tick_"+name+"_ns"] = mean
	values["tick_"+name+"_scan_ratio"] = float64(scan.Nanoseconds()) / mean
	values["tick_scan_ns"] = float64(scan.Nanoseconds()) / float64(len(s.sizes))
	twin, err := c.twin()
	if err != nil {
		return nil, err
	}
	return twin, c.compare(r, name, w, twin)
}

// stretch is a part of a walk: its records, and in which round something was announced first.
type stretch struct {
	records  []pastTick
	rounds   int
	loud     int // -1: in none
	crossed  uint64
	announce int
	digest   []byte
}

// pastTick is a record that can be folded again.
type pastTick struct {
	record projector.Record
	event  events.Event
	mark   events.MarkPrice
}

// stretch goes on walking, and keeps what it folds.
func (c *crowd) stretch(w walk, rounds int) (*stretch, error) {
	t := &stretch{rounds: rounds, loud: -1}
	before, told := c.shard.Work().Crossed, c.announced
	c.digest = sha256.New()
	for i := range rounds {
		for m := range crowdMarkets {
			c.move(m, w)
			if _, err := c.tick(m); err != nil {
				return nil, err
			}
			t.records = append(t.records, pastTick{c.record, c.event, c.mark})
			if t.loud < 0 && c.announced > told {
				t.loud = i
			}
		}
		c.shard.TakeChanged(func(projector.Row) {})
	}
	t.crossed, t.announce, t.digest = c.shard.Work().Crossed-before, c.announced-told, c.digest.Sum(nil)
	return t, nil
}

// follow has a shard fold a stretch, and returns the digest of what it announces.
func (t *stretch) follow(s *projector.Shard, detection func(round int) projector.Detection) []byte {
	digest := sha256.New()
	var json []byte
	for i := range t.records {
		past := &t.records[i]
		past.event.Body, past.record.Event, past.record.Key = &past.mark, &past.event, nil
		s.Detect(detection(i / crowdMarkets))
		fx := s.Apply(&past.record)
		for k := range fx.Outputs {
			json = fx.Outputs[k].AppendJSON(json[:0])
			digest.Write(json)
		}
	}
	s.TakeChanged(func(projector.Row) {})
	return digest.Sum(nil)
}

// compare goes on walking until a stretch announces something, with a twin that follows by the ladder, and in that
// stretch by reading all bounds, and in its first round that announces by judging every holder. Both announce the same.
func (c *crowd) compare(r *run, name string, w walk, twin *projector.Shard) error {
	const rounds, patient = 10, 10_000
	for range patient {
		t, err := c.stretch(w, rounds)
		if err != nil {
			return err
		}
		same := bytes.Equal(t.digest, t.follow(twin, func(round int) projector.Detection {
			switch {
			case t.loud < 0:
				return projector.DetectByLadder
			case round == t.loud:
				return projector.DetectByJudging
			}
			return projector.DetectByScan
		}))
		if !same {
			return fmt.Errorf("%s: the ladder and the scan do not announce the same", name)
		}
		if t.loud >= 0 && t.crossed > 0 {
			r.say("%s: the scan announces the same in %d rounds, of which one judges everybody: %d crossings, %d announcements, digest %.8x", name, rounds, t.crossed, t.announce, t.digest)
			return nil
		}
	}
	return fmt.Errorf("%s: nothing was announced in %d rounds more: nothing was compared", name, patient*rounds)
}

// jump moves the largest market by −5 %, in the crowd and in a twin that reads all bounds.
func (c *crowd) jump(r *run, twin *projector.Shard, values map[string]float64) error {
	twin.Detect(projector.DetectByScan)
	runtime.GC()
	before, told := c.shard.Work(), c.tally
	c.digest = sha256.New()
	c.step(0, -500)
	took, err := c.tick(0)
	if err != nil {
		return err
	}
	work := c.shard.Work()
	begun := time.Now()
	fx := twin.Apply(&c.record)
	other := time.Since(begun)
	theirs := &crowd{open: make([]bool, len(c.open)), tally: tally{digest: sha256.New()}}
	if err := theirs.note(fx.Outputs); err != nil {
		return err
	}
	digest := c.digest.Sum(nil)
	if !bytes.Equal(digest, theirs.digest.Sum(nil)) {
		return fmt.Errorf("the jump: the ladder and the scan do not announce the same")
	}
	if c.announced == told.announced {
		return fmt.Errorf("the jump announced nothing, so it shows nothing")
	}
	s := c.scanOf()
	if err := s.agrees(c); err != nil {
		return err
	}
	scan := s.measure()
	counts := fmt.Sprintf("%d evaluations, %d crossings, %d announcements, digest %.8x, equal to the scan's", work.Judged-before.Judged, work.Crossed-before.Crossed, c.announced-told.announced, digest)
	r.say("jump: %.2f ms, reading all bounds %.2f ms, a scan alone %.3f ms; %d holders, %s", took.Seconds()*1e3, other.Seconds()*1e3, scan.Seconds()*1e3, len(s.sizes), counts)
	r.note("tick_jump_scan_ratio", counts)
	r.note("tick_jump_scan_ratio", fmt.Sprintf("%.2f ms; over a scan that announces nothing: %.1f", took.Seconds()*1e3, took.Seconds()/scan.Seconds()))
	values["tick_jump_scan_ratio"] = float64(took) / float64(other)
	return c.afterJump(r, scan, values)
}

// afterJump measures the ticks after a jump, of all markets: the first one gives new bounds to those who were hit.
func (c *crowd) afterJump(r *run, scan time.Duration, values map[string]float64) error {
	before, told := c.shard.Work(), c.announced
	times := hdrhistogram.New(1, int64(time.Minute), 3)
	many := r.size(10_000, 2_000)
	for i := range many {
		m := i % crowdMarkets
		c.move(m, calmWalk)
		took, err := c.tick(m)
		if err != nil {
			return err
		}
		if err := times.RecordValue(took.Nanoseconds()); err != nil {
			return fmt.Errorf("a tick: %w", err)
		}
	}
	p := times.ValueAtPercentile(99.9)
	counts := fmt.Sprintf("%d ticks: %d new bounds, %d announcements; median %d ns, slowest %.2f ms", many, c.shard.Work().Bounded-before.Bounded, c.announced-told, times.ValueAtPercentile(50), float64(times.Max())/1e6)
	r.say("after the jump: %s, p99.9 %d ns", counts, p)
	r.note("tick_after_jump_scan_ratio", counts)
	values["tick_after_jump_scan_ratio"] = float64(p) / float64(scan.Nanoseconds())
	return nil
}
