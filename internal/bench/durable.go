package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"marginledger/events"
	"marginledger/internal/config"
	"marginledger/internal/orderlog"
	"marginledger/internal/store"
	"marginledger/projector"
)

// durable is decoding, folding and committing fills to Pebble: what one shard does without Kafka.
var durable = benchmark{
	figures: []Figure{
		{Name: "durable_json_eps", Unit: "events/s", Goal: "> 300000", Note: durableNote},
		{Name: "durable_proto_eps", Unit: "events/s", Goal: "> 450000", Note: durableNote},
	},
	measure: measureDurable,
}

const (
	durableNote = "fills at 100,000 accounts, Zipf 1.1; decode, fold, commit on a goroutine each; a commit per 8,192 facts, Pebble with its log and without sync"
	cutFacts    = 8192 // of a cut
)

func measureDurable(r *run) (map[string]float64, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(config.Default().Memory.GCPercent))
	values := map[string]float64{}
	for _, c := range []struct {
		name   string
		append func([]byte, *events.Event) []byte
	}{{"durable_json_eps", events.AppendJSON}, {"durable_proto_eps", events.AppendProto}} {
		if !r.wanted(c.name) {
			continue
		}
		var err error
		if values[c.name], err = r.durable(c.name, c.append); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (r *run) durable(name string, encode func([]byte, *events.Event) []byte) (_ float64, err error) {
	w := newWorld(r.accounts(100_000, 10_000), 200)
	f, err := settled(w)
	if err != nil {
		return 0, err
	}
	d, err := newDisk(r.path(name), f)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	var text []byte
	ends, owners := []int{0}, []string(nil)
	for range r.size(1_000_000, 50_000) {
		owner, fill := w.trade()
		f.now += 1000
		text = encode(text, f.fact(owner, fill, f.now))
		ends, owners = append(ends, len(text)), append(owners, owner)
	}
	runtime.GC() // of what making the facts up left
	begun, cpu := time.Now(), cpuTime()
	// The other core decodes ahead, into buffers that come back.
	type batch struct {
		decoder events.Decoder
		events  []*events.Event
		from    int
		err     error
	}
	const size, ahead = 1024, 4
	full, free := make(chan *batch, ahead), make(chan *batch, ahead)
	for range ahead {
		free <- &batch{}
	}
	go func() {
		defer close(full)
		for i := 0; i < len(owners); i += size {
			b := <-free
			b.decoder.Reset()
			b.events, b.from = b.events[:0], i
			for k := i; k < min(i+size, len(owners)) && b.err == nil; k++ {
				var e *events.Event
				e, b.err = b.decoder.Decode(text[ends[k]:ends[k+1]])
				b.events = append(b.events, e)
			}
			full <- b
		}
	}()
	for b := range full {
		if err == nil {
			err = b.err
		}
		for k, e := range b.events {
			if k%aheadFills == 0 && err == nil {
				f.shard.ReadAhead(b.events[k:min(k+aheadFills, len(b.events))])
			}
			if err == nil {
				err = d.fold(e, owners[b.from+k])
			}
		}
		free <- b
	}
	if err = errors.Join(err, d.flush()); err != nil {
		return 0, err
	}
	took, used := time.Since(begun).Seconds(), (cpuTime() - cpu).Seconds()
	perFill := used * 1e6 / float64(len(owners))
	r.say("%s: %d fills of %d bytes on average, %d cuts, %.2f s, %.2f s of CPU", name, len(owners), len(text)/len(owners), d.cuts, took, used)
	r.note(name, fmt.Sprintf("%d bytes on average; %.2f µs of CPU each", len(text)/len(owners), perFill))
	return float64(len(owners)) / took, nil
}

// disk commits the rows that a fold changes, cut by cut, on a goroutine of its own.
type disk struct {
	f      *fold
	store  *store.Store
	record projector.Record
	key    []byte
	facts  int // in the open cut
	cuts   uint64
	told   int // announcements
	json   []byte
	work   chan diskCut
	free   chan []byte
	done   chan error
}

// diskCut is what a cut commits: lengths and bytes of keys and values.
type diskCut struct {
	rows []byte
	head orderlog.Head
}

// newDisk stores the fold's state in a new store.
func newDisk(dir string, f *fold) (*disk, error) {
	st, err := store.Open(dir, store.Options{DedupeWindow: projector.DefaultDedupeWindow})
	if err != nil {
		return nil, err
	}
	if err := f.save(st); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	d := &disk{f: f, store: st, work: make(chan diskCut, 2), free: make(chan []byte, 4), done: make(chan error, 1)}
	for range cap(d.free) {
		d.free <- nil
	}
	go func() { d.done <- d.commitAll() }()
	return d, nil
}

// fold folds an event, and ends the cut when it is full.
func (d *disk) fold(e *events.Event, owner string) error {
	d.key = append(d.key[:0], owner...)
	d.record = projector.Record{Source: projector.Source{Topic: e.Type.Role().String()}, Offset: int64(e.Sequence), Timestamp: e.Time / 1e6, Key: d.key, Role: e.Type.Role(), Event: e}
	fx := d.f.shard.Apply(&d.record)
	if len(fx.DeadLetters) > 0 {
		return fmt.Errorf("the fold refused a made-up fact: %v", fx.Outputs)
	}
	d.told += len(fx.Outputs)
	for i := range fx.Outputs {
		d.json = fx.Outputs[i].AppendJSON(d.json[:0])
	}
	if d.facts++; d.facts == cutFacts {
		d.cut()
	}
	return nil
}

func (d *disk) cut() {
	d.facts = 0
	d.cuts++
	rows := (<-d.free)[:0]
	d.f.shard.TakeChanged(func(r projector.Row) {
		rows = binary.AppendUvarint(rows, uint64(len(r.Key)))
		rows = binary.AppendUvarint(append(rows, r.Key...), uint64(len(r.Value)))
		rows = append(rows, r.Value...)
	})
	d.work <- diskCut{rows, orderlog.Head{DedupeWindow: projector.DefaultDedupeWindow, Rules: "bench", Cut: d.cuts, Counters: d.f.shard.Counters()}}
}

// commitAll commits cut after cut; after a failure it only takes them.
func (d *disk) commitAll() (err error) {
	for c := range d.work {
		if err == nil {
			err = d.commit(&c)
		}
		d.free <- c.rows
	}
	return err
}

func (d *disk) commit(c *diskCut) error {
	batch := d.store.NewBatch()
	next := func(rest []byte) (text, after []byte) {
		n, k := binary.Uvarint(rest)
		return rest[k : k+int(n)], rest[k+int(n):]
	}
	for rest := c.rows; len(rest) > 0; {
		var key, value []byte
		key, rest = next(rest)
		if value, rest = next(rest); len(value) == 0 {
			value = nil // deleted
		}
		batch.Row(key, value)
	}
	return batch.Commit(&c.head)
}

// flush commits what is open and waits until all is in the store.
func (d *disk) flush() error {
	if d.work == nil {
		return nil
	}
	d.cut()
	close(d.work)
	d.work = nil
	return <-d.done
}

func (d *disk) close() error { return errors.Join(d.flush(), d.store.Close()) }
