package auditbench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"marginledger/events"
	"marginledger/internal/archive"
	"marginledger/internal/audit"
	"marginledger/internal/bench"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/projector"
	"marginledger/snapshot"
)

// dayBegins is when the made day begins; it has 24 hours.
var dayBegins = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// Size is how large a made past is.
type Size struct {
	Accounts, Markets int
	Facts             int // beside those that open the accounts
	CutRecords        int // records per cut
	SnapshotRecords   int // records per snapshot, which comes with the next cut; 0: none
}

// topics of the made ledger: one shard, one partition each.
var topics = []orderlog.Topic{{Name: "bench.accounts", Role: events.RoleAccounts, Partitions: 1}, {Name: "bench.config", Role: events.RoleConfig, Partitions: 1},
	{Name: "bench.funding", Role: events.RoleFunding, Partitions: 1}, {Name: "bench.prices", Role: events.RolePrices, Partitions: 1}}

const orderTopic = "bench.order"

// past is an archive in the making: an exchange's day, folded as an owner folds it.
type past struct {
	ctx   context.Context
	dir   string
	size  Size
	facts *bench.Facts
	say   func(string, ...any)

	rec     *pipeline.Recorder
	files   map[string]*archive.Writer
	parts   []archive.Partition
	open    int // records of the open cut
	made    int
	taken   int // records before the last snapshot
	at      time.Time
	step    time.Duration
	control orderlog.Fence
	shard   archive.Shard
}

// Make makes an archive of a day in a folder: the same for the same size. say hears how far it has come.
func Make(ctx context.Context, dir string, s Size, say func(string, ...any)) (err error) {
	p := &past{ctx: ctx, dir: dir, size: s, facts: bench.NewFacts(s.Accounts, s.Markets), say: say, files: map[string]*archive.Writer{}, at: dayBegins}
	p.step = 24 * time.Hour / time.Duration(s.Facts+4*s.Accounts)
	p.shard = archive.Shard{FromCut: 1, FromN: 1, FromSeqs: [events.Streams]uint64{1, 1, 1}, Snapshots: []string{}}
	if err := p.begin(); err != nil {
		return err
	}
	if err := p.facts.Open(p.emit); err != nil {
		return err
	}
	for i := range s.Facts {
		if i%max(s.Facts/24, 1) == 0 {
			if err := p.facts.Funding(p.emit); err != nil {
				return err
			}
			p.say("%d of %d facts", i, s.Facts)
		}
		if err := p.facts.Next(i, p.emit); err != nil {
			return err
		}
	}
	return p.finish()
}

// begin opens every file and puts the fence into the order log.
func (p *past) begin() error {
	p.control = orderlog.Fence{Build: "bench", Rules: pipeline.RulesVersion, ClusterID: "bench", DedupeWindow: projector.DefaultDedupeWindow, Topics: topics}
	open := func(topic, of, folder string, role string) error {
		part := archive.Partition{Topic: topic, Of: of, Role: role, File: folder + "/" + topic + "-000.mlarch"}
		w, err := archive.NewWriter(filepath.Join(p.dir, part.File), archive.Head{Topic: topic})
		if err != nil {
			return err
		}
		p.files[topic] = w
		p.parts = append(p.parts, part)
		return nil
	}
	errs := []error{open(orderTopic, archive.OfOrder, "order", "")}
	for _, t := range topics {
		errs = append(errs, open(t.Name, archive.OfInput, "in", t.Role.String()))
	}
	for s := range events.Stream(events.Streams) {
		errs = append(errs, open(s.String(), archive.OfOutput, "out", ""))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	p.rec = pipeline.NewRecorder(&p.control, 0)
	_, err := p.add(orderTopic, nil, p.control.Append(nil))
	return err
}

// add appends a record to a file.
func (p *past) add(topic string, key, value []byte) (*eventlog.Record, error) {
	w := p.files[topic]
	r := &eventlog.Record{Offset: w.Next(), Timestamp: p.at.UnixMilli(), Key: key, Value: value}
	return r, w.Add(r)
}

// emit folds a fact, in protobuf.
func (p *past) emit(owner string, body events.Body) error {
	p.at = p.at.Add(p.step)
	e := p.facts.Event(owner, body, p.at)
	var src projector.Source
	for _, t := range topics {
		if t.Role == e.Type.Role() {
			src.Topic = t.Name
		}
	}
	r, err := p.add(src.Topic, []byte(owner), events.AppendProto(nil, e)) // its own bytes: the fold keeps texts of them
	if err != nil {
		return err
	}
	if err := p.rec.Apply(src, r); err != nil {
		return err
	}
	p.open++
	p.made++
	if p.open == p.size.CutRecords {
		return p.cut()
	}
	return nil
}

// cut closes the cut.
func (p *past) cut() error {
	if err := p.ctx.Err(); err != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	c := p.rec.Cut(p.files[orderTopic].Next())
	if c == nil {
		return nil
	}
	p.open = 0
	p.shard.ToCut, p.shard.Chain = c.Cut.Number, c.Cut.Hash
	p.shard.ToN, p.shard.ToSeqs = c.Head.Counters.N, c.Head.Counters.Seqs
	if _, err := p.add(orderTopic, nil, c.Cut.Append(nil)); err != nil {
		return err
	}
	for s := range events.Stream(events.Streams) {
		for _, r := range c.Outputs[s] {
			if _, err := p.add(s.String(), r.Key, r.Value); err != nil {
				return err
			}
		}
	}
	if n := p.size.SnapshotRecords; n > 0 && p.made-p.taken >= n {
		p.taken = p.made
		to := snapshot.Dir(filepath.Join(p.dir, archive.SnapshotsFolder))
		m, err := snapshot.Take(p.ctx, to, audit.StateOf(p.rec.Fold(), c.Head), snapshot.TakeOptions{Now: p.at})
		if err != nil {
			return err
		}
		p.shard.Snapshots = append(p.shard.Snapshots, m.Name)
	}
	return nil
}

// finish writes what is behind the last whole cut, and the manifest.
func (p *past) finish() error {
	if err := p.cut(); err != nil {
		return err
	}
	p.shard.Published = p.shard.ToSeqs
	m := &archive.Manifest{Created: p.at, Build: "bench", Cluster: "bench", Order: orderTopic}
	for i := range p.parts {
		part := &p.parts[i]
		w := p.files[part.Topic]
		part.Next, part.Records = w.Next(), uint64(w.Next())
		if err := w.Finish(part.Next); err != nil {
			return err
		}
	}
	for s := range m.Outputs {
		m.Outputs[s] = events.Stream(s).String()
	}
	m.Shards, m.Parts = []archive.Shard{p.shard}, p.parts
	if err := m.Write(p.dir, archive.ManifestName); err != nil {
		return err
	}
	_, err := archive.Seal(p.ctx, p.dir, nil)
	return err
}
