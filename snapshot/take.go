package snapshot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"marginledger/internal/orderlog"
	"marginledger/snapshot/sumtree"
)

// TakeOptions say how a snapshot is taken.
type TakeOptions struct {
	Key *sumtree.Key // of the Merkle-sum root; nil: the snapshot has none
	Now time.Time    // goes into the manifest only
}

// Take stores a snapshot of s, reads it back, and then stores its manifest. Until that is there, nobody takes the file
// for a snapshot; where the file does not verify, it is removed, and the error is ErrBad.
func Take(ctx context.Context, to Store, s State, o TakeOptions) (*Manifest, error) {
	head, err := s.Head()
	if err != nil {
		return nil, fmt.Errorf("take a snapshot: %w", err)
	}
	if head == nil {
		return nil, errors.New("take a snapshot: there is no state yet")
	}
	if m := taken(ctx, to, head, o.Key); m != nil {
		return m, nil
	}
	m := &Manifest{Taken: o.Now.UTC().Truncate(time.Second)}
	err = to.Put(ctx, func(w io.Writer) (string, error) {
		source := s
		var tree *rooting
		if o.Key != nil {
			tree = newRooting(s, o.Key)
			source = tree
		}
		id, err := Write(&stoppable{ctx, w}, source)
		if err == nil && tree != nil {
			m.Root, err = tree.end(sumtree.AtHead(head))
		}
		m.Name = nameOf(head.Shard, head.Cut, id, m.keyID())
		return m.FileName(), err
	})
	if err != nil {
		return nil, fmt.Errorf("take a snapshot of cut %d to %v: %w", head.Cut, to, err)
	}
	if m.Root != nil {
		hash := m.Root.Hash()
		m.RootHash = &hash
	}
	if err := readBack(ctx, to, m); err != nil {
		return nil, fmt.Errorf("verify the new snapshot %s in %v: %w", m.Name, to, errors.Join(err, to.Remove(ctx, m.FileName())))
	}
	text, err := m.Encode()
	if err != nil {
		return nil, err
	}
	err = to.Put(ctx, func(w io.Writer) (string, error) {
		_, err := w.Write(text)
		return m.ManifestName(), err
	})
	if err != nil {
		return nil, fmt.Errorf("store the manifest of snapshot %s in %v: %w", m.Name, to, err)
	}
	return m, nil
}

// taken returns the snapshot of a head that is there already and verifies, nil where there is none: it is not written
// again, so that what a manifest describes never changes.
func taken(ctx context.Context, in Store, head *orderlog.Head, key *sumtree.Key) *Manifest {
	id := ""
	if key != nil {
		id = key.ID()
	}
	refs, err := Refs(ctx, in, head.Shard)
	if err != nil {
		return nil // Writing will say it better.
	}
	for _, r := range refs {
		if r.Cut != head.Cut {
			continue
		}
		m, err := r.Manifest(ctx, in)
		if err != nil || m.Head.Chain != head.Chain || m.keyID() != id {
			continue
		}
		if _, done, err := OpenFrom(ctx, in, m); err == nil {
			done()
			return m
		}
	}
	return nil
}

// stoppable ends writing when a context does.
type stoppable struct {
	ctx context.Context
	w   io.Writer
}

// Write implements io.Writer.
func (s *stoppable) Write(b []byte) (int, error) {
	if err := context.Cause(s.ctx); err != nil {
		return 0, err
	}
	return s.w.Write(b)
}

// readBack verifies what was stored, as a restore would, and describes it.
func readBack(ctx context.Context, from Store, m *Manifest) error {
	path, done, err := from.Fetch(ctx, m.FileName())
	if err != nil {
		return err
	}
	defer done()
	f, err := Open(path)
	if err != nil {
		return err
	}
	f.describe(m)
	return m.check()
}

// Ref is the name of a snapshot whose manifest was not read yet.
type Ref struct {
	Name string
	Cut  uint64
}

// Refs lists a shard's snapshots by the names of their manifests, newest cut first.
func Refs(ctx context.Context, from Store, shard int32) ([]Ref, error) {
	names, err := from.Names(ctx, prefix(shard))
	if err != nil {
		return nil, err
	}
	var refs []Ref
	for _, name := range names {
		if name, ok := strings.CutSuffix(name, manifestSuffix); ok {
			refs = append(refs, Ref{name, cutOf(name, shard)})
		}
	}
	slices.SortFunc(refs, func(a, b Ref) int { return cmp.Or(cmp.Compare(b.Cut, a.Cut), strings.Compare(b.Name, a.Name)) })
	return refs, nil
}

// Manifest reads the manifest of a snapshot. What is no manifest, or that of another snapshot, is ErrBad.
func (r Ref) Manifest(ctx context.Context, from Store) (*Manifest, error) {
	b, err := from.Get(ctx, r.Name+manifestSuffix)
	var m *Manifest
	if err == nil {
		m, err = ParseManifest(b)
	}
	if err == nil && m.Name != r.Name {
		err = bad("it is the manifest of %s", m.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("the manifest %s in %v: %w", r.Name+manifestSuffix, from, err)
	}
	return m, nil
}

// List returns the manifests of a shard's snapshots, newest cut first, and what is wrong with those that are none. No
// file is verified: OpenFrom does that.
func List(ctx context.Context, from Store, shard int32) (manifests []*Manifest, damaged []error, err error) {
	refs, err := Refs(ctx, from, shard)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range refs {
		m, err := r.Manifest(ctx, from)
		switch {
		case isMissing(err): // Pruned meanwhile.
		case errors.Is(err, ErrBad):
			damaged = append(damaged, err)
		case err != nil:
			return nil, nil, err
		default:
			manifests = append(manifests, m)
		}
	}
	return manifests, damaged, nil
}

// OpenFrom fetches a snapshot and verifies all of it: the file, and that it is what its manifest says. The caller ends
// with done.
func OpenFrom(ctx context.Context, from Store, m *Manifest) (f *File, done func(), err error) {
	return open(ctx, from, m, func(path string) (*File, error) {
		f, err := Open(path)
		if err == nil {
			err = m.agrees(f)
		}
		return f, err
	})
}

// OpenUnverified fetches a snapshot and reads its head. The first reading of it verifies it, as OpenFrom does, and
// fails at its end where the snapshot is bad: what it handed over until then is of no use.
func OpenUnverified(ctx context.Context, from Store, m *Manifest) (f *File, done func(), err error) {
	return open(ctx, from, m, func(path string) (*File, error) { return openHead(path, m) })
}

func open(ctx context.Context, from Store, m *Manifest, read func(path string) (*File, error)) (f *File, done func(), err error) {
	path, done, err := from.Fetch(ctx, m.FileName())
	if isMissing(err) {
		err = bad("its manifest is there, its file is not")
	}
	if err == nil {
		if f, err = read(path); err != nil {
			done()
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("snapshot %s in %v: %w", m.Name, from, err)
	}
	return f, done, nil
}

// Copy copies a verified snapshot from one store to another, its manifest last.
func Copy(ctx context.Context, from, to Store, m *Manifest) error {
	f, done, err := OpenFrom(ctx, from, m)
	if err != nil {
		return err
	}
	defer done()
	if err := f.copyTo(ctx, to, m.FileName()); err != nil {
		return fmt.Errorf("copy snapshot %s to %v: %w", m.Name, to, err)
	}
	c := *m
	if err := readBack(ctx, to, &c); err != nil {
		return fmt.Errorf("verify the copy of snapshot %s in %v: %w", m.Name, to, err)
	}
	text, err := m.Encode()
	if err != nil {
		return err
	}
	return to.Put(ctx, func(w io.Writer) (string, error) {
		_, err := w.Write(text)
		return m.ManifestName(), err
	})
}

// copyTo stores the bytes of a file under a name.
func (f *File) copyTo(ctx context.Context, to Store, name string) error {
	return to.Put(ctx, func(w io.Writer) (string, error) {
		in, err := os.Open(f.Path)
		if err != nil {
			return "", err
		}
		defer in.Close()
		_, err = io.Copy(&stoppable{ctx, w}, in)
		return name, err
	})
}
