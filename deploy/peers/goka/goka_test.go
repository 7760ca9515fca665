package goka

import (
	"testing"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/peers/task"
)

func event(owner string, body events.Body) []byte {
	return events.AppendProto(nil, &events.Event{ID: "e-1", Type: body.EventType(), Version: 1, Venue: "v", Time: 1, Owner: owner, Body: body})
}

// TestDecode: the product's facts come out of Google's code as facts of the task; others are refused.
func TestDecode(t *testing.T) {
	fill := &events.Fill{Market: "M", Leg: events.LegNet, Side: events.Sell, Size: events.MustNumber("1.5"), Price: events.MustNumber("99.5"),
		Fee: events.MustNumber("0.005"), FeeAsset: "USDC", TradeID: "t", Reason: events.ReasonTrade}
	for _, c := range []struct {
		body events.Body
		want task.Fact
	}{
		{&events.Deposit{Asset: "USDC", Amount: events.MustNumber("12.5")}, task.Fact{Amount: 12_500_000}},
		{fill, task.Fact{Market: "M", Size: -1500, Price: 9950, Fee: 5000}},
	} {
		v, err := factCodec{}.Decode(event("a", c.body))
		if err != nil {
			t.Fatal(err)
		}
		if f := v.(*fact); f.Fact != c.want || f.id != "e-1" {
			t.Errorf("%T came out as %+v", c.body, f)
		}
	}
	for _, body := range []events.Body{
		&events.Withdrawal{Asset: "USDC", Amount: events.MustNumber("1")},
		&events.Deposit{Asset: "USDC", Amount: events.MustNumber("0.0000001")},
	} {
		if v, err := (factCodec{}).Decode(event("a", body)); err == nil {
			t.Errorf("%T was taken as %+v", body, v)
		}
	}
}

// TestHash: goka must keep an account in the table's partition that is the input's.
func TestHash(t *testing.T) {
	for _, partitions := range []int32{1, 2, 7} {
		for _, key := range []string{"", "a", "owner-0000001", "owner-0099999"} {
			h := &murmur2{partitions: partitions}
			if _, err := h.Write([]byte(key)); err != nil {
				t.Fatal(err)
			}
			// As goka and sarama take it.
			if got, want := int32(h.Sum32())%partitions, eventlog.Murmur2Partition([]byte(key), partitions); got != want {
				t.Errorf("%q of %d: partition %d, the input's is %d", key, partitions, got, want)
			}
			if h.Reset(); len(h.key) != 0 {
				t.Error("a reset hash remembers")
			}
		}
	}
}
