package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"marginledger/events"
	"marginledger/internal/archive"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/projector"
	"marginledger/snapshot"
)

// ArchiveOptions say what goes into an archive.
type ArchiveOptions struct {
	FromCut   uint64 // first cut that must be in it; 0 or 1: from the beginning. The range starts behind the newest snapshot before it
	ToCut     uint64 // last cut; 0: the last that there is
	Snapshots bool   // the snapshots of the range too, not only their manifests: to begin behind them
	Build     string
	Now       time.Time
	Progress  Progress
}

// Made is what an archive came to.
type Made struct {
	Dir     string          `json:"dir"`
	Digest  orderlog.Hash   `json:"digest"` // of SHA256SUMS
	Shards  []archive.Shard `json:"shards"`
	Records uint64          `json:"records"` // in all partition files
	Bytes   int64           `json:"bytes"`   // of all files
	Resumed bool            `json:"resumed"` // an archive that was begun before was gone on with: its range was fixed then
}

// String is what was made, for people.
func (m *Made) String() string {
	out := ""
	for i := range m.Shards {
		s := &m.Shards[i]
		out += fmt.Sprintf("shard %d: cuts %d to %d, records %d to %d, hash %v, %d snapshot manifests\n",
			s.Shard, s.FromCut, s.ToCut, s.FromN, s.ToN, s.Chain, len(s.Snapshots))
	}
	return out + fmt.Sprintf("%s: %d records, %d bytes\ndigest %v (of %s: keep it elsewhere)\n", m.Dir, m.Records, m.Bytes, m.Digest, archive.SumsName)
}

// MakeArchive writes an archive of a past into a folder. What was begun and left is gone on with, in the range that it was
// begun with; a finished archive is not touched.
func MakeArchive(ctx context.Context, p *Past, dir string, o ArchiveOptions) (*Made, error) {
	if done, err := archive.Finished(filepath.Join(dir, archive.SumsName)); done || err != nil {
		if err == nil {
			err = usage("%s holds a finished archive: write to another folder", dir)
		}
		return nil, err
	}
	m := maker{past: p, dir: dir, o: o, progress: progressOr(o.Progress)}
	plan, err := archive.ReadManifest(dir, archive.PlanName)
	resumed := err == nil
	if errors.Is(err, fs.ErrNotExist) {
		if plan, err = m.plan(ctx); err == nil {
			err = plan.Write(dir, archive.PlanName)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := m.copy(ctx, plan); err != nil {
		return nil, err
	}
	return m.seal(ctx, plan, resumed)
}

type maker struct {
	past     *Past
	dir      string
	o        ArchiveOptions
	progress Progress
}

// plan fixes the range of every shard, and so that of every partition.
func (m *maker) plan(ctx context.Context) (*archive.Manifest, error) {
	p := m.past
	a := &archive.Manifest{Created: m.o.Now.UTC(), Build: m.o.Build, Order: p.Config.OrderTopic, Outputs: p.Config.OutputTopics}
	shards, err := p.Shards(ctx, nil)
	if err != nil {
		return nil, err
	}
	inputs := ranges{}
	for _, shard := range shards {
		s, err := m.planShard(ctx, a, shard, inputs)
		if err != nil {
			return nil, fmt.Errorf("shard %d: %w", shard, err)
		}
		a.Shards = append(a.Shards, *s)
	}
	if a.Cluster, err = p.Log.ClusterID(ctx); err != nil {
		return nil, err
	}
	a.Parts = append(a.Parts, inputs.partitions()...)
	return a, nil
}

func (m *maker) planShard(ctx context.Context, a *archive.Manifest, shard int32, inputs ranges) (*archive.Shard, error) {
	p := m.past
	b := begin{}
	var err error
	if m.o.FromCut > 1 {
		b, err = p.beginBehind(ctx, shard, m.o.FromCut-1)
	}
	if err != nil {
		return nil, err
	}
	x, err := p.scan(ctx, shard, b.head, m.o.ToCut, nil)
	if err != nil {
		return nil, err
	}
	s := &archive.Shard{Shard: shard, FromCut: b.cut() + 1, ToCut: b.cut(), FromN: 1, ToN: x.n, FromSeqs: [events.Streams]uint64{1, 1, 1},
		ToSeqs: x.seqs, Snapshots: []string{}}
	order := archive.Partition{Topic: p.Config.OrderTopic, Partition: shard, Of: archive.OfOrder, File: fmt.Sprintf("order/%03d.mlarch", shard), Next: x.orderNext}
	if b.head != nil {
		s.Chain, s.FromN, order.From = b.head.Chain, b.head.Counters.N+1, b.head.Term
		for i, seq := range b.head.Counters.Seqs {
			s.FromSeqs[i] = seq + 1
		}
		s.Base = b.name
	}
	if x.last != nil {
		s.ToCut, s.Chain = x.last.Number, x.last.Hash
	} else if b.head == nil && x.fence != nil {
		s.Chain = orderlog.Genesis(shard, x.fence.DedupeWindow)
	}
	if m.o.ToCut > 0 && s.ToCut < m.o.ToCut && m.o.FromCut <= s.ToCut {
		return nil, usage("the order log ends with cut %d, before cut %d", s.ToCut, m.o.ToCut)
	}
	a.Parts = append(a.Parts, order)
	if x.fence != nil {
		if err := m.planInputs(ctx, shard, b.head, &x, inputs); err != nil {
			return nil, err
		}
	}
	if err := m.planOutputs(ctx, a, s); err != nil {
		return nil, err
	}
	return s, m.planSnapshots(ctx, s)
}

// planInputs adds what a shard consumed in its range. The last record before it is in it: a fold that begins behind a
// snapshot compares it.
func (m *maker) planInputs(ctx context.Context, shard int32, base *orderlog.Head, x *extent, inputs ranges) error {
	for _, t := range x.fence.Topics {
		for n := range t.Partitions {
			if t.Role == events.RoleAccounts && n != shard {
				continue
			}
			src := projector.Source{Topic: t.Name, Partition: n}
			from, _, err := m.past.Log.Offsets(ctx, t.Name, n)
			if err != nil {
				return err
			}
			next := from
			if base != nil {
				if at := base.Place(src); at != nil {
					from, next = max(from, at.Last), max(from, at.Next)
				}
			}
			if consumed, ok := x.next[src]; ok {
				next = max(next, consumed)
			}
			inputs.add(src, t.Role, from, next)
		}
	}
	return nil
}

// ranges are the offsets of the inputs that any shard needs.
type ranges map[projector.Source]archive.Partition

func (r ranges) add(src projector.Source, role events.Role, from, next int64) {
	p, ok := r[src]
	if !ok {
		p = archive.Partition{Topic: src.Topic, Partition: src.Partition, Of: archive.OfInput, Role: role.String(),
			File: fmt.Sprintf("in/%s-%03d.mlarch", src.Topic, src.Partition), From: from, Next: next}
	}
	p.From, p.Next = min(p.From, from), max(p.Next, next)
	r[src] = p
}

// partitions returns the ranges in the order of their sources.
func (r ranges) partitions() (out []archive.Partition) {
	for _, src := range sortedSources(r) {
		out = append(out, r[src])
	}
	return out
}

// planOutputs adds the announcements of a shard's range: the offsets from its first sequence to its last.
func (m *maker) planOutputs(ctx context.Context, a *archive.Manifest, s *archive.Shard) error {
	for i, topic := range a.Outputs {
		from, err := seqOffset(ctx, m.past.Log, topic, s.Shard, s.FromSeqs[i])
		if err != nil {
			return err
		}
		next, err := seqOffset(ctx, m.past.Log, topic, s.Shard, s.ToSeqs[i]+1)
		if err != nil {
			return err
		}
		if s.Published[i], err = pipeline.LastSequence(ctx, m.past.Log, topic, s.Shard, next); err != nil {
			return err
		}
		a.Parts = append(a.Parts, archive.Partition{Topic: topic, Partition: s.Shard, Of: archive.OfOutput,
			File: fmt.Sprintf("out/%s-%03d.mlarch", topic, s.Shard), From: from, Next: max(from, next)})
	}
	return nil
}

// planSnapshots adds the snapshots of a shard's range.
func (m *maker) planSnapshots(ctx context.Context, s *archive.Shard) error {
	list, damaged, err := m.past.manifests(ctx, s.Shard)
	if err != nil {
		return err
	}
	if len(damaged) > 0 {
		return damaged[0]
	}
	for _, t := range list {
		if t.Head.Cut >= s.FromCut && t.Head.Cut <= s.ToCut {
			s.Snapshots = append(s.Snapshots, t.Name)
		}
	}
	return nil
}

// copy writes every file that is not there yet.
func (m *maker) copy(ctx context.Context, plan *archive.Manifest) error {
	total := int64(0)
	for i := range plan.Parts {
		total += plan.Parts[i].Next - plan.Parts[i].From
	}
	m.progress.Begin("copying", total)
	for i := range plan.Parts {
		if err := m.copyPartition(ctx, &plan.Parts[i], plan.Shards); err != nil {
			return err
		}
	}
	for i := range plan.Shards {
		if err := m.copySnapshots(ctx, &plan.Shards[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) copyPartition(ctx context.Context, part *archive.Partition, shards []archive.Shard) error {
	path := filepath.Join(m.dir, part.File)
	done, err := archive.Finished(path)
	if err != nil {
		return err
	}
	if !done {
		w, err := archive.NewWriter(path, archive.Head{Topic: part.Topic, Partition: part.Partition, From: part.From})
		if err != nil {
			return err
		}
		if err := m.fill(ctx, w, part, shards); err != nil {
			return errors.Join(err, w.Leave())
		}
		if err := w.Finish(part.Next); err != nil {
			return err
		}
	} else {
		m.progress.Add(part.Next - part.From)
	}
	f, err := archive.OpenFile(path, part.File)
	if err != nil {
		return err
	}
	part.Records = f.Records
	if f.Topic != part.Topic || f.Partition != part.Partition || f.From != part.From || f.Next != part.Next {
		err = usage("%s holds offsets %d to %d of %s/%d, not %d to %d of %s/%d: the folder has something else in it",
			path, f.From, f.Next-1, f.Topic, f.Partition, part.From, part.Next-1, part.Topic, part.Partition)
	}
	return errors.Join(err, f.Close())
}

// fill copies the records that are not there yet. Of the order log in front of a range it takes the fence and the cut of
// the snapshot that the range starts behind, and nothing between them.
func (m *maker) fill(ctx context.Context, w *archive.Writer, part *archive.Partition, shards []archive.Shard) error {
	keep := func(int64) bool { return true }
	if part.Of == archive.OfOrder && part.From < part.Next {
		if base := shards[part.Partition].Base; base != "" {
			t, err := m.manifest(ctx, base)
			if err != nil {
				return err
			}
			head := &t.Head
			keep = func(offset int64) bool { return offset == head.Term || offset >= head.OrderNext-1 }
		}
	}
	last := w.Next() - 1
	m.progress.Add(last + 1 - part.From)
	err := pipeline.ReadLog(ctx, m.past.Log, part.Topic, part.Partition, last+1, part.Next, func(r *eventlog.Record) error {
		m.progress.Add(r.Offset - last)
		last = r.Offset
		if !keep(r.Offset) {
			return nil
		}
		return w.Add(r)
	})
	m.progress.Add(part.Next - last - 1)
	return err
}

// manifest reads the manifest of a snapshot that the plan names.
func (m *maker) manifest(ctx context.Context, name string) (*snapshot.Manifest, error) {
	t, err := snapshot.Ref{Name: name}.Manifest(ctx, m.past.snapshots())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage("the snapshot %s, which the archive was begun with, is gone: remove the folder and begin again", name)
	}
	return t, err
}

// copySnapshots copies the base with its file, the others' manifests and, if they are asked for, files.
func (m *maker) copySnapshots(ctx context.Context, s *archive.Shard) error {
	to := snapshot.Dir(filepath.Join(m.dir, archive.SnapshotsFolder))
	for i, name := range append([]string{s.Base}, s.Snapshots...) {
		if name == "" {
			continue
		}
		if _, err := to.Get(ctx, name+".json"); err == nil { // A manifest comes last.
			continue
		}
		t, err := m.manifest(ctx, name)
		if err != nil {
			return err
		}
		if i == 0 || m.o.Snapshots {
			if err := snapshot.Copy(ctx, m.past.snapshots(), to, t); err != nil {
				return err
			}
			continue
		}
		text, err := t.Encode()
		if err != nil {
			return err
		}
		err = to.Put(ctx, func(w io.Writer) (string, error) {
			_, err := w.Write(text)
			return t.ManifestName(), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeSnapshot writes a snapshot of a state; it appears whole.
func writeSnapshot(path string, state snapshot.State) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	out, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	if _, err = snapshot.Write(out, state); err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copy the snapshot: %w", err)
	}
	return os.Rename(path+".part", path)
}

// seal finishes the archive: its manifest, the digests of all files, and no plan any more.
func (m *maker) seal(ctx context.Context, plan *archive.Manifest, resumed bool) (*Made, error) {
	out := &Made{Dir: m.dir, Shards: plan.Shards, Resumed: resumed}
	for i := range plan.Parts {
		out.Records += plan.Parts[i].Records
	}
	if err := plan.Write(m.dir, archive.ManifestName); err != nil {
		return nil, err
	}
	m.progress.Begin("digests", 0)
	var err error
	out.Digest, err = archive.Seal(ctx, m.dir, func(n int) {
		out.Bytes += int64(n)
		m.progress.Add(int64(n))
	})
	if err != nil {
		return nil, err
	}
	return out, os.Remove(filepath.Join(m.dir, archive.PlanName)) // without it, the next start would not know the range
}
