package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"marginledger/events"
	"marginledger/internal/eventlog"
)

// latency is the time from a mark until a bot reads the liquidation that follows from it, on a real Kafka.
var latency = benchmark{
	figures: []Figure{
		{Name: "liq_latency_p50_ms", Unit: "ms", Goal: "< 5", Note: kafkaNote},
		{Name: "liq_latency_p99_ms", Unit: "ms", Goal: "< 20", Note: kafkaNote},
	},
	measure: func(r *run) (map[string]float64, error) {
		if len(r.kafka) == 0 {
			r.say("liq_latency_p50_ms and liq_latency_p99_ms are left out: %s names no brokers", kafkaEnv)
			return nil, nil
		}
		v, err := r.latency(r.kafka)
		if err != nil {
			return nil, err
		}
		return map[string]float64{"liq_latency_p50_ms": v.at(50), "liq_latency_p99_ms": v.at(99)}, nil
	},
}

// embeddedLatency is the same on the embedded broker.
var embeddedLatency = benchmark{
	figures: []Figure{
		{Name: "liq_latency_embedded_p50_ms", Unit: "ms", Goal: "< 10", Note: embeddedNote},
		{Name: "liq_latency_embedded_p99_ms", Unit: "ms", Note: embeddedNote},
	},
	measure: func(r *run) (map[string]float64, error) {
		v, err := r.latency(nil)
		if err != nil {
			return nil, err
		}
		return map[string]float64{"liq_latency_embedded_p50_ms": v.at(50), "liq_latency_embedded_p99_ms": v.at(99)}, nil
	},
}

const (
	kafkaNote    = "mark due to LiquidationTriggered consumed, 50,000 fills/s beside; Apache Kafka as MARGINLEDGER_KAFKA names it"
	embeddedNote = "mark due to LiquidationTriggered consumed, 20,000 fills/s beside; embedded broker, whose latency is not Kafka's"
)

// The load beside, and the marks that hurt somebody.
const (
	fillsPerSecond      = 20_000 // on the embedded broker
	kafkaFillsPerSecond = 50_000
	marksPerSecond      = 50
	victimPrefix        = "victim-"
)

// victims are accounts that are long one contract each of the largest market, of which one mark after the other
// liquidates exactly the next: victim k goes below maintenance (2.5 %) at 90.00 − 0.01·k.
type victims struct {
	market string
	due    []time.Time // when the mark that hurts k was to be sent
	times  *hdrhistogram.Histogram
	heard  int
	first  int // those before warm up
	fills  int // a second, beside
	topic  string
}

// price is the mark that liquidates victim k and nobody after.
func (v *victims) price(k int) int64 { return 90_00 - int64(k) }

// open makes up victim k. With entry 100, equity at the mark m is deposit − 100 + m; maintenance is 0.025·m. So it is
// below from m on where deposit = 100 − 0.975·m, less a hair.
func (v *victims) open(k int, out emit) error {
	owner := victimPrefix + strconv.Itoa(k)
	deposit := 100_00_000 - 975*v.price(k) - 5 // scale 5: price in cents, rate in thousandths
	if err := out(owner, &events.Deposit{Asset: asset, Amount: number(deposit, 5)}); err != nil {
		return err
	}
	return out(owner, &events.Fill{Market: v.market, Leg: events.LegNet, Side: events.Buy, Size: number(1, 0), Price: number(firstPrice, priceScale),
		TradeID: "t-1", Liquidity: events.Taker, Reason: events.ReasonTrade})
}

// latency measures on brokers that are there, or on an embedded one.
func (r *run) latency(brokers []string) (_ *victims, err error) {
	c, err := newCluster(r, "latency", brokers, defaultSnapshots)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	n, err := c.start("0")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	feed, err := newFeed(r.ctx, c)
	if err != nil {
		return nil, err
	}
	warm, count := r.size(150, 10), r.size(1000, 50)
	w := newWorld(r.size(10_000, 500), 200)
	v := &victims{market: w.markets[0], due: make([]time.Time, warm+count), times: hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3), first: warm,
		fills: fillsPerSecond, topic: c.prefix + events.StreamLiquidations.String()}
	if len(brokers) > 0 {
		v.fills = kafkaFillsPerSecond
	}
	if err := errors.Join(w.found(feed.send), w.settle(feed.send)); err != nil {
		return nil, err
	}
	for k := range v.due {
		if err := v.open(k, feed.send); err != nil {
			return nil, err
		}
	}
	if err := feed.flush(); err != nil {
		return nil, err
	}
	if err := n.consumed(r.ctx, feed.sent); err != nil {
		return nil, err
	}
	if err := v.measure(r.ctx, c.client, w, feed); err != nil {
		return nil, err
	}
	r.say("liquidations: p50 %.2f, p99 %.2f, p99.9 %.2f, most %.2f ms", v.at(50), v.at(99), v.at(99.9), v.at(100))
	return v, nil
}

func (v *victims) at(percentile float64) float64 {
	return float64(v.times.ValueAtPercentile(percentile)) / 1000
}

// measure runs the load and the marks on a timetable that is fixed before, and listens beside. A mark that is late is
// measured from when it was due: a stall costs everybody who would have been liquidated in it.
func (v *victims) measure(ctx context.Context, client *eventlog.Client, w *world, feed *feed) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	begin := time.Now().Add(500 * time.Millisecond)
	for k := range v.due {
		v.due[k] = begin.Add(time.Duration(k) * time.Second / marksPerSecond)
	}
	heard := make(chan error, 1)
	go func() { heard <- v.listen(ctx, client) }()
	sent := make(chan error, 1)
	go func() { sent <- v.send(ctx, w, feed, begin) }()
	var errs []error
	for range 2 {
		select {
		case err := <-sent:
			errs = append(errs, err)
		case err := <-heard:
			errs = append(errs, err)
		}
		if err := errors.Join(errs...); err != nil {
			cancel()
		}
	}
	return errors.Join(errs...)
}

// send sends what is due, fills and marks, until the last mark is out.
func (v *victims) send(ctx context.Context, w *world, feed *feed, begin time.Time) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	fills := 0
	for k := 0; k < len(v.due); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("send marks and fills: %w", context.Cause(ctx))
		}
		now := time.Now()
		for ; fills < int(now.Sub(begin).Seconds()*float64(v.fills)); fills++ {
			if err := feed.send(w.trade()); err != nil {
				return fmt.Errorf("send fills: %w", err)
			}
		}
		for ; k < len(v.due) && !v.due[k].After(now); k++ {
			if err := feed.send("", w.markOf(v.market, v.price(k))); err != nil {
				return fmt.Errorf("send a mark: %w", err)
			}
		}
	}
	return feed.flush()
}

var triggered = []byte(`"kind":"LiquidationTriggered"`)

// listen reads the announcements as a bot does, until every victim has been liquidated.
func (v *victims) listen(ctx context.Context, client *eventlog.Client) error {
	reader := client.NewReader(v.topic, 0, 0, eventlog.ReaderOptions{})
	for v.heard < len(v.due) {
		f, err := reader.Fetch(ctx)
		if err != nil {
			return fmt.Errorf("%d of %d liquidations heard: %w", v.heard, len(v.due), err)
		}
		for i := range f.Records {
			if !bytes.Contains(f.Records[i].Value, triggered) {
				continue
			}
			o, err := events.ParseOutput(f.Records[i].Value)
			if err != nil {
				return err
			}
			number, ok := strings.CutPrefix(o.Owner, victimPrefix)
			k, err := strconv.Atoi(number)
			if !ok || err != nil || k != v.heard {
				return fmt.Errorf("%s was liquidated, expected victim %d", o.Owner, v.heard)
			}
			v.heard++
			if k < v.first {
				continue
			}
			if err := v.times.RecordValue(time.Since(v.due[k]).Microseconds()); err != nil {
				return fmt.Errorf("liquidation of victim %d: %w", k, err)
			}
		}
	}
	return nil
}
