package audit

import (
	"context"
	"errors"
	"fmt"

	"marginledger/internal/archive"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/projector"
)

// differs looks at a cut that does not come out. The fold goes on behind the order log's hash: what lies behind may tell
// which row it is.
func (v *verifier) differs(ctx context.Context, f *pipeline.FoldedCut) error {
	fromN := v.at + 1
	v.count(f)
	if v.entryLies(f) {
		return v.visitWrong(ctx, f)
	}
	if v.wrong == nil {
		d := Difference{Kind: KindChain, Cut: f.Entry.Number, Place: placeOf(v.past.orderName(v.shard), f.Offset), Field: "hash",
			Have: f.Entry.Hash.String(), Want: f.Folded.Hash.String()}
		d.What = fmt.Sprintf("records %d to %d fold to another hash than the order log has: ", fromN, f.Counters.N)
		if f.Entry.Outputs != f.Folded.Outputs {
			d.What += "their announcements differ; this build folds by other rules, or the inputs were changed"
		} else {
			d.What += "their announcements agree, so it is the inputs or the rows; the inputs were changed, or this build folds by other rules"
		}
		v.wrong = &wrongCut{cut: f.Entry.Number, fromN: fromN, toN: f.Counters.N, index: v.add(d), changed: map[string]bool{}}
		err := f.Changed(func(r projector.Row) error {
			v.wrong.changed[string(r.Key)] = true
			return nil
		})
		if err != nil {
			return err
		}
	}
	return v.visitWrong(ctx, f)
}

func (v *verifier) visitWrong(ctx context.Context, f *pipeline.FoldedCut) error {
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

// entryLies reports whether it is the entry of the order log that was changed, not what was folded: something else has
// the hash that comes out.
func (v *verifier) entryLies(f *pipeline.FoldedCut) bool {
	if v.wrong != nil {
		return false
	}
	d := Difference{Kind: KindOrder, Cut: f.Entry.Number, Place: placeOf(v.past.orderName(v.shard), f.Offset)}
	if f.Folded.Hash == f.Entry.Hash {
		d.Field, d.Have, d.Want = "outputs", fmt.Sprintf("%v %v", f.Entry.Outputs.Counts, f.Entry.Outputs.Digest), fmt.Sprintf("%v %v", f.Folded.Outputs.Counts, f.Folded.Outputs.Digest)
		d.What = "the entry was changed: its hash is that of other announcements than it counts"
		v.add(d)
		return true
	}
	d.Field, d.Have, d.Want = "hash", f.Entry.Hash.String(), f.Folded.Hash.String()
	x := &v.order
	if x.otherPrev != nil && f.Entry.Number == x.toCut && *x.otherPrev == f.Folded.Hash {
		d.What = "the entry was changed: the next entry names the hash that comes out"
		d.Shard = v.shard
		v.report.Differences[x.otherAt] = d
		return true
	}
	for _, s := range v.states {
		if s.cut == f.Entry.Number && s.chain == f.Folded.Hash {
			d.What = fmt.Sprintf("the entry was changed: the %s of this cut has the hash that comes out", s.what)
			v.add(d)
			return true
		}
	}
	if a := v.past.Archive; a != nil {
		if s := &a.Shards[v.shard]; s.ToCut == f.Entry.Number && s.Chain == f.Folded.Hash {
			d.What = "the entry was changed: the archive's manifest has the hash that comes out"
			v.add(d)
			return true
		}
	}
	return false
}

// broken turns what ended the fold into a difference, if it is one.
func (v *verifier) broken(ctx context.Context, err error) error {
	if !pipeline.IsDifference(err) {
		return err
	}
	d := Difference{Kind: KindInput, Cut: v.report.ToCut + 1, What: err.Error()}
	var input *pipeline.InputError
	if errors.As(err, &input) {
		nameInput(&d, input)
	}
	if err := v.past.locateDamage(ctx, &d, err); err != nil {
		return err
	}
	v.add(d)
	return nil
}

// nameInput names the records that a source does not have.
func nameInput(d *Difference, e *pipeline.InputError) {
	d.Cut, d.Place = e.Cut, placeOf(fmt.Sprintf("%s/%d", e.Source.Topic, e.Source.Partition), e.Next-1)
	switch {
	case e.Short == 0:
	case uint64(len(e.Gaps)) == e.Short:
		d.Place, d.Have, d.Want = placeName(e.Source, e.Gaps[0]), "no record", "a record that was consumed"
		d.More = len(e.Gaps) - 1
		d.What = fmt.Sprintf("the record at %s was consumed by cut %d and is not there any more", d.Place, e.Cut)
	case len(e.Gaps) > 0: // some were not there from the beginning: compaction, transactions
		d.Place, d.Have, d.Want = placeName(e.Source, e.Gaps[0]), "no record", "a record that was consumed"
		d.What = fmt.Sprintf("%d of the offsets %v of %s/%d were consumed by cut %d and are not there any more", e.Short, e.Gaps, e.Source.Topic, e.Source.Partition, e.Cut)
	}
}

// locateDamage says, of a damaged file of an archive, where it is and which cut is the first to need it.
func (p *Past) locateDamage(ctx context.Context, d *Difference, err error) error {
	var damage *archive.DamageError
	if p.Archive == nil || !errors.As(err, &damage) {
		return nil
	}
	d.Kind, d.Place = KindArchive, damage.File
	if damage.Block < 0 {
		return nil
	}
	d.Place = fmt.Sprintf("%s, block %d, offsets %d to %d", damage.File, damage.Block, damage.From, damage.Next-1)
	for i := range p.Archive.Parts {
		if part := &p.Archive.Parts[i]; part.File == damage.File && part.Of == archive.OfInput {
			return p.firstCut(ctx, d, projector.Source{Topic: part.Topic, Partition: part.Partition}, damage)
		}
	}
	return nil
}

// firstCut finds the first cut that consumed a record of a damaged block.
func (p *Past) firstCut(ctx context.Context, d *Difference, src projector.Source, damage *archive.DamageError) error {
	for i := range p.Archive.Shards {
		b, err := p.beginBehind(ctx, int32(i), p.Archive.Shards[i].FromCut-1)
		if err != nil {
			return err
		}
		next := int64(0)
		if b.head != nil {
			if at := b.head.Place(src); at != nil {
				next = at.Next
			}
		}
		_, err = p.scan(ctx, int32(i), b.head, 0, func(c *orderlog.Cursor, _ int64, entry any) error {
			cut, ok := entry.(*orderlog.Cut)
			if !ok {
				return nil
			}
			for _, run := range cut.Runs {
				if c.Fence.Topics[run.Topic].Name != src.Topic || run.Partition != src.Partition {
					continue
				}
				if next < damage.Next && run.Next > damage.From {
					d.Cut, d.Shard = cut.Number, int32(i)
					return errFound
				}
				next = run.Next
			}
			return nil
		})
		if err == errFound {
			return nil
		}
		if err != nil && !pipeline.IsDifference(err) { // an order log that is damaged too is told of elsewhere
			return err
		}
	}
	return nil
}
