package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
)

// Archive is a finished archive, opened. It is a pipeline.Log that can only be read: any number of goroutines may.
type Archive struct {
	Manifest
	Dir    string
	Digest orderlog.Hash // of SHA256SUMS

	sums  map[string]orderlog.Hash
	files map[partition]*File
}

type partition struct {
	topic string
	n     int32
}

var _ pipeline.Log = (*Archive)(nil)

// Open opens an archive. Its indexes are read and compared with the manifest; digests are CheckDigests' business.
func Open(dir string) (*Archive, error) {
	a := &Archive{Dir: dir, files: make(map[partition]*File)}
	var err error
	if a.sums, a.Digest, err = readSums(dir); err != nil {
		return nil, err
	}
	m, err := ReadManifest(dir, ManifestName)
	if err != nil {
		return nil, fmt.Errorf("open archive %s: %w", dir, err)
	}
	a.Manifest = *m
	for i := range a.Parts {
		if err := a.openPartition(&a.Parts[i]); err != nil {
			return nil, errors.Join(fmt.Errorf("open archive %s: %w", dir, err), a.Close())
		}
	}
	return a, nil
}

func (a *Archive) openPartition(p *Partition) error {
	f, err := OpenFile(filepath.Join(a.Dir, p.File), p.File)
	if errors.Is(err, fs.ErrNotExist) {
		return &DamageError{File: p.File, Block: -1, What: "is missing"}
	}
	if err != nil {
		return err
	}
	a.files[partition{p.Topic, p.Partition}] = f
	if f.Topic != p.Topic || f.Partition != p.Partition || f.From != p.From || f.Next != p.Next || f.Records != p.Records {
		return f.damage("holds %d records of %s/%d, offsets %d to %d; the manifest says %d of %s/%d, %d to %d",
			f.Records, f.Topic, f.Partition, f.From, f.Next-1, p.Records, p.Topic, p.Partition, p.From, p.Next-1)
	}
	return nil
}

// Close closes the files.
func (a *Archive) Close() error {
	var errs []error
	for _, f := range a.files { // unordered: closing
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Bytes returns the size of all files, which CheckDigests reads.
func (a *Archive) Bytes() (n int64) {
	for name := range a.sums { // unordered: a sum
		if st, err := os.Stat(filepath.Join(a.Dir, name)); err == nil {
			n += st.Size()
		}
	}
	return n
}

// CheckDigests compares every file with SHA256SUMS, and refuses files that it does not have. The error names the first
// that differs and, in a partition file, the block. step hears of every byte that is read; it may be nil.
func (a *Archive) CheckDigests(ctx context.Context, step func(bytes int)) error {
	names := make([]string, 0, len(a.sums))
	for name := range a.sums { // unordered: sorted below
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		got, err := digestFile(ctx, filepath.Join(a.Dir, name), step)
		if errors.Is(err, fs.ErrNotExist) {
			return &DamageError{File: name, Block: -1, What: "is missing"}
		}
		if err != nil {
			return err
		}
		if want := a.sums[name]; got != want {
			return a.whichBlock(ctx, name, fmt.Sprintf("digest %v, %s has %v", got, SumsName, want))
		}
	}
	for _, name := range a.needed() {
		if _, ok := a.sums[name]; !ok {
			return &DamageError{File: name, Block: -1, What: "is not in " + SumsName}
		}
	}
	return nil
}

// needed returns the files that the manifest names, and itself.
func (a *Archive) needed() []string {
	names := []string{ManifestName}
	for i := range a.Parts {
		names = append(names, a.Parts[i].File)
	}
	for i := range a.Shards {
		if base := a.Shards[i].Base; base != "" {
			names = append(names, SnapshotsFolder+"/"+base+".mlsnap", SnapshotsFolder+"/"+base+".json")
		}
		for _, name := range a.Shards[i].Snapshots {
			names = append(names, SnapshotsFolder+"/"+name+".json")
		}
	}
	return names
}

// whichBlock finds the block of an edited file, if it is one of blocks.
func (a *Archive) whichBlock(ctx context.Context, name, what string) error {
	for _, f := range a.files { // unordered: at most one has the name
		if f.name != name {
			continue
		}
		if err := f.CheckBlocks(ctx); err != nil {
			return err
		}
		what += "; every block has the digest that the file's index has: the index was edited too"
	}
	return &DamageError{File: name, Block: -1, What: what}
}

// File returns the file of a partition.
func (a *Archive) File(topic string, n int32) (*File, error) {
	f := a.files[partition{topic, n}]
	if f == nil {
		return nil, &eventlog.UnknownTopicError{Topic: topic, Partition: n}
	}
	return f, nil
}

// ClusterID implements pipeline.Log: that of the cluster from which the archive was made.
func (a *Archive) ClusterID(context.Context) (string, error) { return a.Cluster, nil }

// Partitions implements pipeline.Log.
func (a *Archive) Partitions(_ context.Context, topic string) (n int32, err error) {
	for p := range a.files { // unordered: a count
		if p.topic == topic {
			n++
		}
	}
	if n == 0 {
		return 0, &eventlog.UnknownTopicError{Topic: topic, Partition: -1}
	}
	return n, nil
}

// Offsets implements pipeline.Log.
func (a *Archive) Offsets(_ context.Context, topic string, n int32) (start, end int64, err error) {
	f, err := a.File(topic, n)
	if err != nil {
		return 0, 0, err
	}
	return f.From, f.Next, nil
}

// Reader implements pipeline.Log.
func (a *Archive) Reader(topic string, n int32, offset int64) pipeline.Reader {
	f, err := a.File(topic, n)
	if err != nil {
		return failed{err}
	}
	return f.Reader(offset)
}

// failed is a reader of nothing.
type failed struct{ err error }

func (r failed) Fetch(context.Context) (eventlog.Fetch, error) { return eventlog.Fetch{}, r.err }
func (r failed) Failing() error                                { return r.err }

// errReadOnly is the answer to whoever wants to write.
var errReadOnly = errors.New("an archive can only be read")

// Producer implements pipeline.Log: there is none.
func (a *Archive) Producer(context.Context, string) (pipeline.Producer, error) {
	return nil, errReadOnly
}

// Join implements pipeline.Log: there is no group.
func (a *Archive) Join(context.Context, eventlog.GroupConfig) (pipeline.Membership, error) {
	return nil, errReadOnly
}
