package snapshot

import (
	"marginledger/projector"
	"marginledger/snapshot/sumtree"
)

// rooting is a state that builds the Merkle-sum tree of its rows while they are read. Hashing goes on beside the reader.
type rooting struct {
	State
	key  *sumtree.Key
	rows chan []projector.Row // batches; the receiver owns them
	tree chan treeResult
}

type treeResult struct {
	tree *sumtree.Tree
	err  error
}

// rowsAhead is how many batches the tree may be behind.
const (
	rowsAhead = 8
	rowsBatch = 256 << 10 // bytes
)

func newRooting(s State, key *sumtree.Key) *rooting {
	return &rooting{State: s, key: key}
}

// EachRow implements State.
func (r *rooting) EachRow(f func(projector.Row) error) error {
	r.rows, r.tree = make(chan []projector.Row, rowsAhead), make(chan treeResult, 1)
	go r.grow(r.rows, r.tree)
	var batch []projector.Row
	var buf []byte
	err := r.State.EachRow(func(row projector.Row) error {
		if err := f(row); err != nil {
			return err
		}
		if len(buf)+len(row.Key)+len(row.Value) > cap(buf) {
			if len(batch) > 0 {
				r.rows <- batch
			}
			batch, buf = nil, make([]byte, 0, max(rowsBatch, len(row.Key)+len(row.Value)))
		}
		from := len(buf)
		buf = append(append(buf, row.Key...), row.Value...)
		batch = append(batch, projector.Row{Key: buf[from : from+len(row.Key)], Value: buf[from+len(row.Key):]})
		return nil
	})
	if len(batch) > 0 {
		r.rows <- batch
	}
	close(r.rows)
	return err
}

// grow reads all rows that come, also behind an error.
func (r *rooting) grow(rows <-chan []projector.Row, out chan<- treeResult) {
	b := sumtree.NewBuilder(r.key)
	var err error
	for batch := range rows {
		for i := 0; i < len(batch) && err == nil; i++ {
			err = b.Row(batch[i])
		}
	}
	out <- treeResult{b.Tree(), err}
}

// end returns the root of the rows that were read.
func (r *rooting) end(at sumtree.At) (*sumtree.Root, error) {
	res := <-r.tree
	if res.err != nil {
		return nil, res.err
	}
	return res.tree.Root(at)
}
