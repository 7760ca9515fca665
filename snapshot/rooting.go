package snapshot

import (
	"marginledger/projector"
	"marginledger/snapshot/sumtree"
)

// rooting is a state that builds the Merkle-sum tree of its rows while they are read: one goroutine takes the rows
// apart, another one hashes.
type rooting struct {
	State
	key   *sumtree.Key
	rows  chan rowBatch
	free  chan rowBatch
	sums  chan sumBatch
	spent chan sumBatch
	ended chan struct{} // closed: tree and err hold
	tree  *sumtree.Tree
	err   error
}

// rowBatch is rows and the bytes that they are made of.
type rowBatch struct {
	rows []projector.Row
	buf  []byte
}

// sumBatch is what accounts have and owe.
type sumBatch struct {
	accounts []projector.AccountSums
	assets   []projector.AssetSum
	err      error
}

// Bounds of how far reading may be ahead of hashing.
const (
	batchBytes = 256 << 10
	batchAhead = 8
)

func newRooting(s State, key *sumtree.Key) *rooting {
	return &rooting{State: s, key: key, rows: make(chan rowBatch, batchAhead), free: make(chan rowBatch, batchAhead+2),
		sums: make(chan sumBatch, batchAhead), spent: make(chan sumBatch, batchAhead+2), ended: make(chan struct{})}
}

// reuse takes something from a channel of used ones, if there is one.
func reuse[T any](from chan T) (v T) {
	select {
	case v = <-from:
	default:
	}
	return v
}

// giveBack keeps something for reuse, if there is room.
func giveBack[T any](to chan T, v T) {
	select {
	case to <- v:
	default:
	}
}

// EachRow implements State. It is called once.
func (r *rooting) EachRow(f func(projector.Row) error) error {
	go r.parse()
	go r.hash()
	defer close(r.rows)
	var b rowBatch
	err := r.State.EachRow(func(row projector.Row) error {
		if err := f(row); err != nil {
			return err
		}
		if need := len(row.Key) + len(row.Value); len(b.buf)+need > cap(b.buf) {
			if len(b.rows) > 0 {
				r.rows <- b
				b = reuse(r.free)
			}
			b.rows, b.buf = b.rows[:0], b.buf[:0]
			if cap(b.buf) < need {
				b.buf = make([]byte, 0, max(batchBytes, need))
			}
		}
		from := len(b.buf)
		b.buf = append(append(b.buf, row.Key...), row.Value...)
		b.rows = append(b.rows, projector.Row{Key: b.buf[from : from+len(row.Key)], Value: b.buf[from+len(row.Key):]})
		return nil
	})
	if len(b.rows) > 0 {
		r.rows <- b
	}
	return err
}

// parse takes all rows that come, also behind an error.
func (r *rooting) parse() {
	defer close(r.sums)
	reader := projector.NewSums()
	failed := false
	var polite politeness
	for b := range r.rows {
		out := reuse(r.spent)
		out.accounts, out.assets = out.accounts[:0], out.assets[:0]
		for i := 0; i < len(b.rows) && !failed; i++ {
			polite.tick()
			a, err := reader.Row(b.rows[i].Key, b.rows[i].Value)
			if err != nil {
				out.err, failed = err, true
			}
			if a == nil {
				continue
			}
			n := len(out.assets)
			out.assets = append(out.assets, a.Assets...)
			copied := *a
			copied.Assets = out.assets[n:len(out.assets):len(out.assets)]
			out.accounts = append(out.accounts, copied)
		}
		giveBack(r.free, b)
		r.sums <- out
	}
}

// hash takes all sums that come, also behind an error.
func (r *rooting) hash() {
	defer close(r.ended)
	r.tree = sumtree.New(r.key)
	var polite politeness
	for b := range r.sums {
		if r.err == nil {
			r.err = b.err
		}
		for i := 0; i < len(b.accounts) && r.err == nil; i++ {
			polite.tick()
			r.err = r.tree.Add(&b.accounts[i])
		}
		b.err = nil
		giveBack(r.spent, b)
	}
}

// end returns the root of the rows that were read.
func (r *rooting) end(at sumtree.At) (*sumtree.Root, error) {
	<-r.ended
	if r.err != nil {
		return nil, r.err
	}
	return r.tree.Root(at)
}
