package e2e

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"marginledger/events"
	"marginledger/internal/eventlog"
)

// hand writes facts as JSON, one by one, as a person at a console would.
type hand struct {
	w        *world
	producer *eventlog.Producer
	n        int
}

func (w *world) hand() *hand {
	w.t.Helper()
	p, err := w.client.NewProducer(w.ctx, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return &hand{w: w, producer: p}
}

func number(text string) events.Number {
	n, err := events.ParseNumber(text)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	return n
}

// json returns the next fact, a second after the one before.
func (h *hand) json(owner string, body events.Body) []byte {
	h.n++
	return events.AppendJSON(nil, &events.Event{
		ID: fmt.Sprintf("e-%d", h.n), Type: body.EventType(), Version: 1, Venue: "v",
		Time: time.Date(2026, 1, 1, 0, 0, h.n, 0, time.UTC).UnixNano(), Owner: owner, Body: body,
	})
}

// put appends a value to an input topic, on the partition of its key.
func (h *hand) put(topic, key string, value []byte) {
	h.w.t.Helper()
	ctx, cancel := context.WithTimeout(h.w.ctx, time.Minute)
	defer cancel()
	partition := int32(0)
	if topic == "accounts" || topic == "liquidator" {
		partition = eventlog.Murmur2Partition([]byte(key), h.w.shards)
	}
	_, err := h.producer.Produce(ctx, h.w.topic(topic), partition, []eventlog.ProduceRecord{{Key: []byte(key), Value: value}})
	if err != nil {
		h.w.t.Fatal(err)
	}
}

// of puts a fact of an account.
func (h *hand) of(owner string, body events.Body) {
	h.w.t.Helper()
	h.put("accounts", owner, h.json(owner, body))
}

// mark puts a mark of the only market.
func (h *hand) mark(price string) {
	h.w.t.Helper()
	h.put("prices", "BTC-PERP", h.json("", &events.MarkPrice{Market: "BTC-PERP", Mark: number(price)}))
}

// market lists the market, and lets alice deposit 1,000 and buy 2 at 100, which are 110 now.
func (h *hand) market() {
	h.w.t.Helper()
	h.put("config", "v", h.json("", &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USD", ValueScale: 8}))
	h.put("config", "v", h.json("", &events.MarketListed{Market: "BTC-PERP", Underlying: "BTC", PriceScale: 2, SizeScale: 3,
		MaxPrice: number("1000000"), MaxSize: number("1000000"), Rules: events.MarketRules{FundingMode: events.FundingByIndex,
			Tiers: []events.Tier{{LowerNotional: number("0"), MaxLeverage: 20, MaintenanceRate: number("0.025"), Deduction: number("0")}}}}))
	h.of("alice", &events.Deposit{Asset: "USD", Amount: number("1000")})
	h.of("alice", &events.Fill{Market: "BTC-PERP", Leg: events.LegNet, Side: events.Buy, Size: number("2"), Price: number("100"),
		TradeID: "t", Reason: events.ReasonTrade})
	h.mark("110")
}

// addPartitions makes a topic have n partitions, with a client that is not ours.
func (w *world) addPartitions(topic string, n int32) {
	w.t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(w.k.Brokers...))
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis = 10_000
	t := kmsg.NewCreatePartitionsRequestTopic()
	t.Topic, t.Count = w.topic(topic), n
	req.Topics = append(req.Topics, t)
	res, err := req.RequestWith(w.ctx, c)
	if err != nil {
		w.t.Fatal(err)
	}
	if code := res.Topics[0].ErrorCode; code != 0 {
		w.t.Fatalf("add partitions to %s: error %d", w.topic(topic), code)
	}
	awaitFor(w.t, 30*time.Second, "the partitions", func() bool {
		infos, err := w.client.DescribeTopics(w.ctx, []string{w.topic(topic)})
		return err == nil && len(infos[w.topic(topic)].Partitions) == int(n)
	}, nil)
}

// recreate deletes a topic and makes it again, empty.
func (w *world) recreate(topic string) {
	w.t.Helper()
	if err := w.client.DeleteTopic(w.ctx, w.topic(topic)); err != nil {
		w.t.Fatal(err)
	}
	w.ledger(0, []string{"created  " + w.topic(topic)}, "topics", "create")
}
