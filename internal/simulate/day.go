package simulate

import (
	"time"

	"marginledger/events"
)

// day is a day's timetable. Its four phases share out its facts in permille (phaseFacts), and its
// time differently: a crash is minutes long and busy.
type day struct {
	number int
	first  int64    // facts made before it
	start  int64    // ns
	span   int64    // ns
	facts  int64    // in all
	bounds [5]int64 // facts before each phase, and in all
	times  [5]int64 // ns from start, likewise
}

const (
	calm = iota
	crash
	rebound
	quiet
)

var phaseFacts = [5]int64{0, 420, 570, 720, 1000}

// startDay sets the timetable of day n.
func (x *Exchange) startDay(n int) {
	d := day{number: n, first: x.made, facts: x.opt.Events}
	// 20 ms a fact: then every market has a mark every few seconds.
	d.span = min(max(d.facts*int64(20*time.Millisecond), int64(3*time.Hour)), int64(24*time.Hour))
	d.start = x.opt.Start.UnixNano() + int64(n)*d.span
	for i, share := range phaseFacts {
		d.bounds[i] = d.facts * share / 1000
	}
	d.times = [5]int64{0, d.span * 62 / 100, 0, 0, d.span}
	d.times[2] = d.times[1] + min(max(d.span/30, int64(6*time.Minute)), int64(20*time.Minute))
	d.times[3] = d.times[2] + d.span/8
	x.day, x.prices = d, 0
	if x.nextHour == 0 {
		x.nextHour = d.start - d.start%int64(time.Hour) + int64(time.Hour)
	}
}

// phaseOf returns the phase of the day's i-th fact, and how far it has come, in ppm.
func (d *day) phaseOf(i int64) (phase int, ppm int64) {
	for phase < quiet && i >= d.bounds[phase+1] {
		phase++
	}
	width := max(d.bounds[phase+1]-d.bounds[phase], 1)
	return phase, (i - d.bounds[phase]) * 1_000_000 / width
}

// timeOf returns the time of the day's i-th fact.
func (d *day) timeOf(i int64) int64 {
	p, _ := d.phaseOf(i)
	facts := max(d.bounds[p+1]-d.bounds[p], 1)
	width := d.times[p+1] - d.times[p]
	k := i - d.bounds[p]
	return d.start + d.times[p] + width/facts*k + width%facts*k/facts
}

// point of a curve: how far along, how far fallen, both in ppm.
type point struct{ at, fallen int64 }

var (
	// The fall comes in three waves, with people buying the dip between them.
	fall = []point{{0, 0}, {180_000, 260_000}, {280_000, 190_000}, {520_000, 620_000}, {600_000, 530_000}, {880_000, 1_000_000}, {1_000_000, 960_000}}
	// The way back, as the share of the recovery that is still missing.
	rise = []point{{0, 1_000_000}, {250_000, 480_000}, {400_000, 560_000}, {700_000, 150_000}, {1_000_000, 0}}
)

func along(curve []point, at int64) int64 {
	for i := 1; i < len(curve); i++ {
		if a, b := curve[i-1], curve[i]; at <= b.at {
			return a.fallen + (b.fallen-a.fallen)*(at-a.at)/(b.at-a.at)
		}
	}
	return curve[len(curve)-1].fallen
}

// shape returns the price of m without noise, in ppm of its first price.
func (d *day) shape(m *market, i int64) int64 {
	phase, ppm := d.phaseOf(i)
	trough := 1_000_000 - m.drop*96/100
	after := trough + m.drop*96/100*(m.back/1000)/1000
	switch phase {
	case calm:
		if d.number == 0 {
			return 1_000_000
		}
		return after + (1_000_000-after)*ppm/1_000_000
	case crash:
		return 1_000_000 - m.drop*(along(fall, ppm)/100)/10_000
	case rebound:
		return after - (after-trough)*(along(rise, ppm)/100)/10_000
	}
	return after
}

// tick queues the next price in turn.
func (x *Exchange) tick(today int64) {
	x.prices++
	x.stamp++
	i := x.nextPrice
	x.nextPrice = (i + 1) % (len(x.markets) + len(x.assets))
	if i >= len(x.markets) {
		a := &x.assets[i-len(x.markets)]
		m := &x.markets[a.market]
		a.price = m.mark
		a.low.sign = 1
		a.low.push(x.stamp, a.price)
		x.add(a.name, &events.CollateralPrice{Asset: a.name, Price: number(a.price, m.PriceScale)})
		return
	}
	m := &x.markets[i]
	step := int64(1200)
	if phase, _ := x.day.phaseOf(today); phase == crash || phase == rebound {
		step = 3500
	}
	m.noise += x.rng.Int64N(2*step+1) - step - m.noise/48
	index := m.Price * x.day.shape(m, today) / 1_000_000
	m.mark = max(index*(1_000_000+m.noise)/1_000_000, 1)
	m.low.push(x.stamp, m.mark)
	m.high.push(x.stamp, m.mark)
	x.add(m.Name, &events.MarkPrice{Market: m.Name, Mark: number(m.mark, m.PriceScale), Index: number(max(index, 1), m.PriceScale)})
}

// fund queues the hourly funding of every market, and its open interest.
func (x *Exchange) fund() {
	for i := range x.markets {
		m := &x.markets[i]
		// Scale 12; by how far the mark is from its shape, around 0.01 % an hour at most a few times that.
		rate := 12_500_000 + m.noise*4_000
		m.index += rate * m.mark
		x.add(m.Name, &events.FundingRate{Market: m.Name, Rate: number(rate, 12), Price: number(m.mark, m.PriceScale)})
		x.add(m.Name, &events.OpenInterest{Market: m.Name, Long: number(m.long, m.SizeScale), Short: number(m.long, m.SizeScale)})
	}
}

// Phase names the part of the day that the next fact belongs to.
func (x *Exchange) Phase() string {
	phase, _ := x.day.phaseOf(min(x.made-x.day.first, x.day.facts-1))
	return [...]string{"calm", "crash", "rebound", "quiet"}[phase]
}
