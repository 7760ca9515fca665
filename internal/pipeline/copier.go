package pipeline

import (
	"context"
	"errors"

	"marginledger/internal/orderlog"
	"marginledger/internal/store"
	"marginledger/projector"
)

// copier writes a restored state to an empty store, beside the fold that loads it. The head comes with the last commit:
// a crash before it leaves a store that counts as empty.
type copier struct {
	st     *store.Store
	pieces chan copyPiece
	free   chan copyPiece
	cur    copyPiece
	ended  chan struct{} // closed: err holds
	err    error
}

// copyPiece is some rows, or, if source is set, some entries of its dedupe window.
type copyPiece struct {
	rows   []projector.Row
	buf    []byte
	source projector.Source
}

// Bounds of what waits to be copied.
const (
	copyBytes = 256 << 10
	copyAhead = 16
)

func newCopier(ctx context.Context, st *store.Store) (*copier, error) {
	ingest, err := st.NewIngest()
	if err != nil {
		return nil, err
	}
	c := &copier{st: st, pieces: make(chan copyPiece, copyAhead), free: make(chan copyPiece, copyAhead+2), ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		c.err = c.copy(ctx, ingest)
	}()
	return c, nil
}

// copy takes all pieces, also behind an error.
func (c *copier) copy(ctx context.Context, ingest *store.Ingest) (err error) {
	filled := false
	finish := func() {
		if !filled && err == nil {
			filled, err = true, ingest.Finish(ctx)
		}
	}
	batch := c.st.NewBatch()
	for p := range c.pieces {
		for i := 0; i < len(p.rows) && err == nil; i++ {
			err = ingest.Row(p.rows[i].Key, p.rows[i].Value)
		}
		if p.source != (projector.Source{}) {
			finish()
			if batch.Seen(p.source, p.buf); err == nil && batch.Bytes() >= storeBytes {
				err = batch.Commit(nil)
				batch = c.st.NewBatch()
			}
		}
		select {
		case c.free <- p:
		default:
		}
	}
	finish()
	if err != nil && !filled {
		return errors.Join(err, ingest.Abort())
	}
	return errors.Join(err, batch.Commit(nil))
}

func (c *copier) fresh() copyPiece {
	select {
	case p := <-c.free:
		return copyPiece{rows: p.rows[:0], buf: p.buf[:0]}
	default:
		return copyPiece{}
	}
}

func (c *copier) row(key, value []byte) {
	if len(c.cur.buf)+len(key)+len(value) > cap(c.cur.buf) {
		c.flush()
		if need := max(copyBytes, len(key)+len(value)); cap(c.cur.buf) < need {
			c.cur.buf = make([]byte, 0, need)
		}
	}
	from := len(c.cur.buf)
	c.cur.buf = append(append(c.cur.buf, key...), value...)
	c.cur.rows = append(c.cur.rows, projector.Row{Key: c.cur.buf[from : from+len(key)], Value: c.cur.buf[from+len(key):]})
}

func (c *copier) flush() {
	if len(c.cur.rows) > 0 {
		c.pieces <- c.cur
		c.cur = c.fresh()
	}
}

func (c *copier) seen(src projector.Source, entries []byte) {
	c.flush()
	p := c.fresh()
	p.source, p.buf = src, append(p.buf, entries...)
	c.pieces <- p
}

func (c *copier) wait() error {
	c.flush()
	close(c.pieces)
	<-c.ended
	return c.err
}

// finish waits until everything is copied, and commits the head.
func (c *copier) finish(head *orderlog.Head) error {
	if err := c.wait(); err != nil {
		return err
	}
	return c.st.NewBatch().Commit(head)
}

// abort leaves a store that counts as empty.
func (c *copier) abort() error { return c.wait() }
