package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
)

// tapeTimeout bounds one wait for announcements that are known to be there.
const tapeTimeout = 30 * time.Second

// tape reads the announcements of an output partition, up to the end that it had at first.
type tape struct {
	reader pipeline.Reader
	name   string
	next   int64
	end    int64
	batch  []eventlog.Record
	from   uint64 // sequence of the first announcement that is there; what is before it is gone
	failed bool   // it cannot be read further: that is told of already
}

// openTapes opens the output topics where the range begins.
func (v *verifier) openTapes(ctx context.Context) error {
	if v.o.Unhashed {
		return nil
	}
	for s, topic := range v.past.Config.OutputTopics {
		v.report.Outputs[s].Topic = topic
		first := uint64(1)
		if h := v.begun.head; h != nil {
			first = h.Counters.Seqs[s] + 1
		}
		log := v.past.Log
		start, end, err := log.Offsets(ctx, topic, v.shard)
		if err != nil {
			return err
		}
		t := &tape{name: fmt.Sprintf("%s/%d", topic, v.shard), next: start, end: end, from: first}
		if first > 1 {
			if t.next, err = seqOffset(ctx, log, topic, v.shard, first); err != nil {
				return err
			}
		}
		t.reader = log.Reader(topic, v.shard, t.next)
		v.tapes[s] = t
		if start == 0 {
			continue
		}
		r, err := v.peek(ctx, t)
		switch {
		case err != nil:
			return err
		case r != nil: // What retention removed is passed over.
			seq, err := pipeline.Sequence(r.Value)
			if err != nil {
				return err
			}
			t.from = max(t.from, seq)
		case v.past.Archive == nil && t.next >= t.end:
			t.from = v.order.seqs[s] + 1
		}
	}
	return nil
}

// peek returns the next announcement without taking it; nil at the end. What cannot be read is a difference, once.
func (v *verifier) peek(ctx context.Context, t *tape) (*eventlog.Record, error) {
	for {
		for len(t.batch) > 0 {
			r := &t.batch[0]
			if r.Offset >= t.end {
				return nil, nil
			}
			if !orderlog.IsControl(r.Headers) {
				return r, nil
			}
			t.batch = t.batch[1:]
		}
		if t.next >= t.end || t.failed {
			return nil, nil
		}
		fetching, cancel := context.WithTimeout(ctx, tapeTimeout)
		f, err := t.reader.Fetch(fetching)
		cancel()
		if err != nil && pipeline.IsDifference(err) {
			t.failed = true
			d := Difference{Kind: KindOutput, Place: placeOf(t.name, t.next), What: err.Error()}
			if err := v.past.locateDamage(ctx, &d, err); err != nil {
				return nil, err
			}
			v.add(d)
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", t.name, err)
		}
		t.batch, t.next = f.Records, f.NextOffset
	}
}

func (t *tape) take() { t.batch = t.batch[1:] }

// compareOutputs compares a cut's announcements with what is published, value by value.
func (v *verifier) compareOutputs(ctx context.Context, f *pipeline.FoldedCut) error {
	return f.Outputs(func(s int, seq uint64, key, value []byte) error {
		t, r := v.tapes[s], &v.report.Outputs[s]
		if seq < t.from {
			r.Trimmed++
			return nil
		}
		for {
			record, err := v.peek(ctx, t)
			if err != nil || t.failed {
				return err
			}
			if record == nil && f.Entry.Outputs.Counts[s] != f.Folded.Outputs.Counts[s] {
				v.outputDiffers(f, s, nil, key, value, "the fold announces what was not announced")
				return nil
			}
			if record == nil {
				r.Unpublished++
				return nil
			}
			got, err := pipeline.Sequence(record.Value)
			if err != nil {
				v.outputDiffers(f, s, record, key, value, "it has no sequence")
				t.take()
				continue
			}
			switch {
			case got < seq:
				v.outputDiffers(f, s, record, key, nil, fmt.Sprintf("sequence %d comes again or is out of order", got))
				t.take()
				continue
			case got > seq:
				v.outputDiffers(f, s, nil, key, value, fmt.Sprintf("sequence %d is missing: %s has %d", seq, placeOf(t.name, record.Offset), got))
			default:
				r.Compared++
				if !bytes.Equal(record.Value, value) || !bytes.Equal(record.Key, key) || (record.Key == nil) != (key == nil) {
					v.outputDiffers(f, s, record, key, value, "what was published is not what the fold announces")
				}
				t.take()
			}
			return nil
		}
	})
}

// outputDiffers notes an announcement that differs; the first is named, of the others there is a count. record is nil
// where it is missing, want where it is too much.
func (v *verifier) outputDiffers(f *pipeline.FoldedCut, stream int, record *eventlog.Record, key, want []byte, what string) {
	if d := v.find(KindOutput); d != nil {
		d.More++
		return
	}
	d := Difference{Kind: KindOutput, Cut: f.Entry.Number, Place: v.tapes[stream].name, What: what}
	if record != nil {
		d.Place = placeOf(v.tapes[stream].name, record.Offset)
		d.Have = string(record.Value)
	}
	if want != nil {
		d.Event, d.Want = causeOf(want), string(want)
	} else if record != nil {
		d.Event = causeOf(record.Value)
	}
	if record != nil && want != nil {
		if fields := diffJSON(record.Value, want); len(fields) > 0 {
			d.Field, d.Have, d.Want = fields[0].Field, fields[0].A, fields[0].B
		} else if !bytes.Equal(record.Key, key) {
			d.Field, d.Have, d.Want = "key", string(record.Key), string(key)
		}
	}
	v.add(d)
}

// causeOf is the record that an announcement says it follows from.
func causeOf(value []byte) *EventAt {
	o, err := events.ParseOutput(value)
	if err == nil && o.N > 0 {
		return &EventAt{N: o.N, Source: fmt.Sprintf("%s/%d@%d", o.Source.Topic, o.Source.Partition, o.Source.Offset), ID: o.EventID, Type: o.Type, Time: o.Time}
	}
	var body events.DeadLetterBody
	if err := json.Unmarshal(value, &body); err != nil {
		return nil
	}
	return &EventAt{Source: fmt.Sprintf("%s/%d@%d", body.Source.Topic, body.Source.Partition, body.Source.Offset)}
}

// diffJSON compares two JSON documents by their scalars.
func diffJSON(a, b []byte) []FieldDifference {
	fa, errA := scalars(a)
	fb, errB := scalars(b)
	if errA != nil || errB != nil {
		return []FieldDifference{{Field: "value", A: string(a), B: string(b)}}
	}
	if out := diffFields(fa, fb); len(out) > 0 || bytes.Equal(a, b) {
		return out
	}
	return []FieldDifference{{Field: "value", A: string(a), B: string(b)}} // written otherwise
}

// scalars returns the scalars of a JSON document in order, with their paths.
func scalars(text []byte) (out []RowField, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var value func(path string) error
	value = func(path string) error {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		delim, ok := token.(json.Delim)
		if !ok {
			out = append(out, RowField{Path: path, Value: fmt.Sprint(token)})
			return nil
		}
		for i := 0; dec.More(); i++ {
			name := fmt.Sprintf("%s[%d]", path, i)
			if delim == '{' {
				key, err := dec.Token()
				if err != nil {
					return err
				}
				name = fmt.Sprint(key)
				if path != "" {
					name = path + "." + name
				}
			}
			if err := value(name); err != nil {
				return err
			}
		}
		_, err = dec.Token()
		return err
	}
	if err := value(""); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	return out, nil
}

// finish looks at what is left once the range is folded.
func (v *verifier) finish(ctx context.Context) error {
	if v.o.Unhashed {
		return nil
	}
	for _, r := range v.states {
		v.report.Notes = append(v.report.Notes, fmt.Sprintf("%s of cut %d: the fold ended with cut %d", r.what, r.cut, v.report.ToCut))
	}
	for s, t := range v.tapes {
		r := &v.report.Outputs[s]
		if r.Unpublished > 0 && v.folded[s]-r.Unpublished < min(v.required[s], v.folded[s]) {
			v.add(Difference{Kind: KindOutput, Cut: v.report.ToCut, Place: t.name, Have: fmt.Sprintf("up to sequence %d", v.folded[s]-r.Unpublished),
				Want: fmt.Sprintf("up to sequence %d", min(v.required[s], v.folded[s])), What: "announcements are missing at the end, and were published"})
		}
		if !v.order.whole || v.wrong != nil || v.report.ToCut != v.order.toCut || v.o.ToCut > 0 {
			continue
		}
		record, err := v.peek(ctx, t)
		if err != nil {
			return err
		}
		if record != nil {
			v.add(Difference{Kind: KindOutput, Cut: v.report.ToCut, Place: placeOf(t.name, record.Offset), Event: causeOf(record.Value), Have: string(record.Value), Want: "nothing",
				What: "an announcement that the order log knows nothing of"})
		}
	}
	return nil
}
