package events_test

import (
	"testing"

	"marginledger/events"
	"marginledger/events/eventstest"
)

// fill is a fill as an exchange sends it.
func fill() *events.Event {
	return &events.Event{
		ID: "f-0000000000123456-1", Type: events.TypeFill, Version: 1, Venue: "main", Time: 1760130903123456789,
		Producer: "matching-1", Sequence: 123456, Owner: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", Subaccount: 0,
		Body: &events.Fill{
			Market: "BTC-PERP", Leg: events.LegNet, Side: events.Buy,
			Size: events.MustNumber("0.125"), Price: events.MustNumber("101250.5"), Fee: events.MustNumber("5.0625"), FeeAsset: "USDC",
			TradeID: "t-0000000000123456", OrderID: "o-00000000987654", Liquidity: events.Taker, Reason: events.ReasonTrade,
		},
	}
}

func BenchmarkDecodeFill(b *testing.B) {
	for name, encode := range codecs {
		b.Run(name, func(b *testing.B) {
			value := encode(nil, fill())
			var d events.Decoder
			b.SetBytes(int64(len(value)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := d.Decode(value); err != nil {
					b.Fatal(err)
				}
				if i%1000 == 999 {
					d.Reset()
				}
			}
		})
	}
}

func BenchmarkEncodeFill(b *testing.B) {
	for name, encode := range codecs {
		b.Run(name, func(b *testing.B) {
			e := fill()
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = encode(buf[:0], e)
			}
		})
	}
}

// TestDecodeAllocates asserts what a Decoder promises: nothing, once it is warm.
func TestDecodeAllocates(t *testing.T) {
	for name, encode := range codecs {
		for _, typ := range events.Types() {
			switch {
			case typ == events.TypeMarketListed || typ == events.TypeMarketChanged:
				continue // tiers are checked with exact decimals of any size
			case typ == events.TypeMarketHalted && name == "json":
				continue // its example has a JSON escape
			}
			value := encode(nil, eventstest.Example(typ))
			var d events.Decoder
			decode := func() {
				d.Reset()
				for range 300 {
					if _, err := d.Decode(value); err != nil {
						t.Fatal(err)
					}
				}
			}
			decode()
			if n := testing.AllocsPerRun(5, decode); n != 0 {
				t.Errorf("%s as %s: %v allocations", typ, name, n)
			}
		}
	}
}

// TestEncodeAllocates asserts that encoding into a buffer with room allocates nothing.
func TestEncodeAllocates(t *testing.T) {
	for name, encode := range codecs {
		e, buf := fill(), make([]byte, 0, 4096)
		if n := testing.AllocsPerRun(10, func() { encode(buf[:0], e) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
