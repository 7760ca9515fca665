package bench

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// endToEnd is `ledger run` on topics that are full: from the start of the process until everything is folded, published,
// acknowledged and in Pebble.
var endToEnd = benchmark{
	figures: []Figure{
		{Name: "e2e_embedded_eps", Unit: "events/s", Goal: "> 300000", Note: endToEndNote + "; embedded broker in a process of its own, which does not sync"},
		{Name: "e2e_kafka_eps", Unit: "events/s", Goal: "> 200000", Note: endToEndNote + "; Apache Kafka as MARGINLEDGER_KAFKA names it"},
	},
	measure: measureEndToEnd,
}

const endToEndNote = "protobuf, sequenced producers, topics preloaded; one partition per topic, acks of all in-sync replicas, the start of the process included; 1 % marks"

func measureEndToEnd(r *run) (map[string]float64, error) {
	values := map[string]float64{}
	for _, c := range []struct {
		name    string
		brokers []string
	}{{"e2e_embedded_eps", nil}, {"e2e_kafka_eps", r.kafka}} {
		if !r.wanted(c.name) {
			continue
		}
		if c.name == "e2e_kafka_eps" && len(c.brokers) == 0 {
			r.say("%s is left out: %s names no brokers", c.name, kafkaEnv)
			continue
		}
		eps, err := r.endToEnd(c.name, c.brokers)
		if err != nil {
			return nil, err
		}
		values[c.name] = eps
	}
	return values, nil
}

func (r *run) endToEnd(name string, brokers []string) (_ float64, err error) {
	c, err := newCluster(r, name, brokers, defaultSnapshots)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	feed, err := newFeed(r.ctx, c)
	if err != nil {
		return 0, err
	}
	w := newWorld(r.accounts(100_000, 2_000), 200)
	v := &victims{market: w.markets[0], due: make([]time.Time, 100)}
	if err := errors.Join(w.found(feed.send), w.settle(feed.send)); err != nil {
		return 0, err
	}
	for k := range v.due {
		if err := v.open(k, feed.send); err != nil {
			return 0, err
		}
	}
	many := r.size(2_000_000, 20_000)
	for i := range many {
		switch {
		case i%100 != 0:
			err = feed.send(w.trade())
		case i%(many/len(v.due)) == 0:
			err = feed.send("", w.markOf(v.market, v.price(i/(many/len(v.due)))))
		default:
			err = feed.send("", w.markOf(w.markets[1+w.rng.IntN(len(w.markets)-1)], firstPrice-20+w.rng.Int64N(40)))
		}
		if err != nil {
			return 0, err
		}
	}
	if err := feed.flush(); err != nil {
		return 0, err
	}
	begun := time.Now()
	n, err := c.start("0")
	if err != nil {
		return 0, err
	}
	err = n.consumed(r.ctx, feed.sent)
	took := time.Since(begun).Seconds()
	_, metrics := n.get(r.ctx, "/metrics")
	if err = errors.Join(err, n.stop()); err != nil {
		return 0, err
	}
	if !strings.Contains(metrics, `kind="LiquidationTriggered"`) {
		return 0, fmt.Errorf("nobody was liquidated, so the run shows too little")
	}
	used := n.cmd.ProcessState.UserTime() + n.cmd.ProcessState.SystemTime()
	counts := fmt.Sprintf("%d facts in %.2f s; CPU of the ledger %.2f µs a fact, the broker's apart", feed.sent, took, float64(used.Microseconds())/float64(feed.sent))
	r.say("%s: %s", name, counts)
	r.note(name, counts)
	return float64(feed.sent) / took, nil
}

// kafkaEnv names the variable that holds a real cluster's addresses.
const kafkaEnv = "MARGINLEDGER_KAFKA"

// kafkaBrokers are those of a real Apache Kafka; none where there is none.
func kafkaBrokers() []string {
	if list := os.Getenv(kafkaEnv); list != "" {
		return strings.Split(list, ",")
	}
	return nil
}
