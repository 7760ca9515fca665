package audit

import (
	"context"
	"fmt"

	"marginledger/events"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
)

// VerifyOptions say what is verified.
type VerifyOptions struct {
	FromCut  uint64  // 0 or 1: from the beginning of what is there; else behind the newest snapshot before it
	ToCut    uint64  // 0: all
	Shards   []int32 // nil: all
	Work     string  // a directory to leave off in, where the context ends, and to go on from; "": none
	Unhashed bool    // fold only, compare nothing: to see what the chain costs
	Progress Progress
}

// Verify folds a past again and compares everything with it. An error means that something could not be compared; what
// differs is in the report.
func Verify(ctx context.Context, p *Past, o VerifyOptions) (*Report, error) {
	r := &Report{Where: p.Where, Shards: []ShardReport{}}
	o.Progress = progressOr(o.Progress)
	if p.Archive != nil && !o.Unhashed {
		var err error
		if r.Archive, err = verifyFiles(ctx, p, o.Progress); err != nil {
			return nil, err
		}
	}
	shards, err := p.Shards(ctx, o.Shards)
	if err != nil {
		return nil, err
	}
	var verifiers []*verifier
	for _, shard := range shards {
		v := &verifier{past: p, shard: shard, o: &o, report: newShardReport(shard)}
		if err := v.run(ctx); err != nil {
			return nil, fmt.Errorf("shard %d: %w", shard, err)
		}
		r.Shards, verifiers = append(r.Shards, *v.report), append(verifiers, v)
	}
	for _, v := range verifiers {
		if err := v.remove(); err != nil {
			return nil, err
		}
	}
	r.Agrees = len(r.Differences()) == 0
	return r, nil
}

// verifyFiles compares the digests of an archive's files.
func verifyFiles(ctx context.Context, p *Past, progress Progress) (*ArchiveReport, error) {
	r := &ArchiveReport{Digest: p.Archive.Digest, Bytes: p.Archive.Bytes(), Differences: []Difference{}}
	progress.Begin("digests", r.Bytes)
	err := p.Archive.CheckDigests(ctx, func(n int) { progress.Add(int64(n)) })
	if err == nil || !orderlog.IsCorruption(err) {
		return r, err
	}
	d := Difference{Kind: KindArchive, What: err.Error()}
	if err := p.locateDamage(ctx, &d, err); err != nil {
		return nil, err
	}
	r.Differences = append(r.Differences, d)
	return r, nil
}

// verifier verifies one shard.
type verifier struct {
	past   *Past
	shard  int32
	o      *VerifyOptions
	report *ShardReport
	begun  begin
	order  orderPass
	states []*expected // that are still to come, by cut
	tapes  [events.Streams]*tape
	wrong  *wrongCut // the first that did not come out; nil: none

	finished bool // by an earlier process

	// After the last cut, and what must be published by then: a stored state or the archive says so.
	at       uint64 // n
	folded   [events.Streams]uint64
	required [events.Streams]uint64
}

// wrongCut is the first cut that did not come out.
type wrongCut struct {
	cut     uint64
	fromN   uint64 // its first record
	toN     uint64
	index   int             // of its difference
	changed map[string]bool // keys of the rows that it changed, as they were folded
}

func (v *verifier) run(ctx context.Context) error {
	if err := v.begin(ctx); err != nil || v.finished {
		return err
	}
	if err := v.readOrder(ctx); err != nil {
		return err
	}
	defer v.closeStates()
	if err := v.expectStates(ctx); err != nil {
		return err
	}
	if err := v.openTapes(ctx); err != nil {
		return err
	}
	if err := v.fold(ctx); err != nil {
		return err
	}
	if err := v.finish(ctx); err != nil {
		return err
	}
	if err := v.nameEvents(ctx); err != nil {
		return err
	}
	return v.keep()
}

// begin chooses where to begin: behind the work that was left, the newest snapshot before the range, or the beginning.
func (v *verifier) begin(ctx context.Context) error {
	from := v.o.FromCut
	if a := v.past.Archive; a != nil {
		from = max(from, a.Shards[v.shard].FromCut)
	}
	left, err := v.resume()
	if err != nil || left {
		return err
	}
	if from > 1 {
		if v.begun, err = v.past.beginBehind(ctx, v.shard, from-1); err != nil {
			return err
		}
	}
	v.report.FromCut, v.report.Believed = v.begun.cut()+1, v.begun.cut()
	return nil
}

// fold folds the range and compares on the way.
func (v *verifier) fold(ctx context.Context) error {
	if h := v.begun.head; h != nil {
		v.at, v.report.ToCut, v.report.N, v.report.Hash = h.Counters.N, h.Cut, h.Counters.N, h.Chain
	}
	v.o.Progress.Begin(fmt.Sprintf("shard %d", v.shard), int64(v.order.n-v.at))
	if v.order.toCut == v.begun.cut() {
		return nil
	}
	folding := ctx
	if v.o.Work != "" { // It ends at the next whole cut.
		folding = context.WithoutCancel(ctx)
	}
	r, err := v.past.refold(folding, v.shard, pipeline.RefoldOptions{
		From: v.begun.state, ToCut: v.order.toCut, Unhashed: v.o.Unhashed,
		Visit:   func(f *pipeline.FoldedCut) error { return v.visit(ctx, f) },
		Differs: func(f *pipeline.FoldedCut) error { return v.differs(ctx, f) },
	})
	if err != nil {
		return v.broken(ctx, err)
	}
	v.report.ToCut, v.report.N, v.report.Hash = r.Cut, r.Counters.N, r.Chain
	if ctx.Err() != nil && r.Cut < v.order.toCut && v.wrong == nil {
		return v.leave(ctx, r)
	}
	return nil
}

// visit compares what belongs to a cut that came out.
func (v *verifier) visit(ctx context.Context, f *pipeline.FoldedCut) error {
	v.count(f)
	if v.o.Unhashed {
		return nil
	}
	if err := v.compareOutputs(ctx, f); err != nil {
		return err
	}
	if err := v.compareStates(f); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return pipeline.ErrStopRefold
	}
	return v.enough()
}

// enough ends the fold behind a cut that did not come out, once no state is left that could tell more.
func (v *verifier) enough() error {
	if v.wrong != nil && len(v.states) == 0 {
		return pipeline.ErrStopRefold
	}
	return nil
}

func (v *verifier) count(f *pipeline.FoldedCut) {
	v.o.Progress.Add(int64(f.Counters.N - v.at))
	v.report.Records += f.Counters.N - v.at
	v.report.ToCut, v.report.N, v.report.Hash = f.Entry.Number, f.Counters.N, f.Entry.Hash
	v.at, v.folded = f.Counters.N, f.Counters.Seqs
}

func (v *verifier) add(d Difference) int {
	d.Shard = v.shard
	v.report.Differences = append(v.report.Differences, d)
	return len(v.report.Differences) - 1
}

// find returns the first difference of a kind, nil where there is none.
func (v *verifier) find(kind Kind) *Difference {
	for i := range v.report.Differences {
		if v.report.Differences[i].Kind == kind {
			return &v.report.Differences[i]
		}
	}
	return nil
}
