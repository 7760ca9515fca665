package bench

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"marginledger/events"
	"marginledger/projector"
)

// foldFill is what a decoded fill costs on one core: everything but decoding, hashing and storing.
var foldFill = benchmark{
	figures: []Figure{{Name: "fold_fill_ns", Unit: "ns", Note: "100,000 accounts, Zipf 1.1; 200 markets, Zipf 1.2; changed rows taken every 1,024 facts; sequenced producer"}},
	quick:   true,
	measure: func(r *run) (map[string]float64, error) {
		w := newWorld(r.size(100_000, 10_000), 200)
		f, err := settled(w)
		if err != nil {
			return nil, err
		}
		// Made up before: the dice would be a good part of it.
		const many = 1 << 14
		bodies, owners := make([]events.Fill, many), make([]string, many)
		for i := range bodies {
			owner, fill := w.trade()
			bodies[i], owners[i] = *fill, owner
		}
		i := 0
		ns, err := r.perCall(1024, func() error {
			err := f.apply(owners[i%many], &bodies[i%many])
			if i++; i%1024 == 0 {
				f.shard.TakeChanged(func(projector.Row) {})
			}
			return err
		})
		return map[string]float64{"fold_fill_ns": ns}, err
	},
}

// tick is what a mark costs that hurts nobody.
var tick = benchmark{
	figures: []Figure{{Name: "tick_ns", Unit: "ns", Note: "mark of the largest market at 10,000 accounts, ±0.2 %, nobody crosses anything"}},
	quick:   true,
	measure: func(r *run) (map[string]float64, error) {
		w := newWorld(10_000, 200)
		f, err := settled(w)
		if err != nil {
			return nil, err
		}
		i := int64(0)
		ns, err := r.perCall(16, func() error {
			i++
			return f.apply("", w.markOf(w.markets[0], firstPrice+i%40-20))
		})
		return map[string]float64{"tick_ns": ns}, err
	},
}

// codecs is what a fill of about 150 bytes costs to read and to write.
var codecs = benchmark{
	figures: []Figure{
		{Name: "decode_json_ns", Unit: "ns", Note: "a fill as JSON, strict"},
		{Name: "decode_proto_ns", Unit: "ns", Note: "the same as protobuf"},
		{Name: "encode_ns", Unit: "ns", Note: "the same to protobuf"},
	},
	quick: true,
	measure: func(r *run) (map[string]float64, error) {
		var n numbered
		w := newWorld(16, 16)
		fill := n.fact(w.owners[1], w.tradeIn(w.market()), 1_760_130_903_123_456_789)
		values := make(map[string]float64)
		for name, value := range map[string][]byte{"decode_json_ns": events.AppendJSON(nil, fill), "decode_proto_ns": events.AppendProto(nil, fill)} {
			r.say("%s: a fill of %d bytes", name, len(value))
			var d events.Decoder
			i := 0
			ns, err := r.perCall(1000, func() error {
				if i++; i%1000 == 0 { // as often as a fetched chunk is used up
					d.Reset()
				}
				_, err := d.Decode(value)
				return err
			})
			if err != nil {
				return nil, err
			}
			values[name] = ns
		}
		var buf []byte
		ns, err := r.perCall(1000, func() error {
			buf = events.AppendProto(buf[:0], fill)
			return nil
		})
		values["encode_ns"] = ns
		return values, err
	},
}

// yardstick is what the machine needs for things that do not depend on us: by it figures of two machines, or of two days
// of one with neighbours, can be compared.
var yardstick = benchmark{
	figures: []Figure{
		{Name: "machine_sha256_ns", Unit: "ns", Note: "SHA-256 of 160 bytes"},
		{Name: "machine_memory_ns", Unit: "ns", Note: "one read after the other from random places in 256 MiB"},
	},
	quick: true,
	measure: func(r *run) (map[string]float64, error) {
		var text [160]byte
		sum, err := r.perCall(1000, func() error {
			digest := sha256.Sum256(text[:])
			copy(text[:], digest[:])
			return nil
		})
		if err != nil {
			return nil, err
		}
		const places, apart = 1 << 22, 16 // a cache line
		next := make([]int32, places*apart)
		way := rand.New(rand.NewPCG(1, 2)).Perm(places)
		for i, at := range way {
			next[at*apart] = int32(way[(i+1)%places])
		}
		at := int32(0)
		read, err := r.perCall(1000, func() error {
			at = next[int(at)*apart]
			return nil
		})
		return map[string]float64{"machine_sha256_ns": sum, "machine_memory_ns": read}, err
	},
}

// size returns the full size, or the small one of a quick run.
func (r *run) size(full, small int) int {
	if r.quick {
		return small
	}
	return full
}

// perCall returns what a call costs: the median over slices of time, so that a neighbour's burst does not count.
// f is called in rounds of some calls between looks at the clock.
func (r *run) perCall(round int, f func() error) (float64, error) {
	const parts = 15
	part := time.Second / 5
	if r.quick {
		part = time.Second / 50
	}
	var means []float64
	for p := range parts + 1 { // the first one warms up
		calls, begun := 0, time.Now()
		for time.Since(begun) < part {
			for range round {
				if err := f(); err != nil {
					return 0, err
				}
			}
			calls += round
		}
		if p > 0 {
			means = append(means, float64(time.Since(begun).Nanoseconds())/float64(calls))
		}
		if err := r.ctx.Err(); err != nil {
			return 0, fmt.Errorf("interrupted: %w", err)
		}
	}
	slices.Sort(means)
	return means[parts/2], nil
}
