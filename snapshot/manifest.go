package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"marginledger/internal/orderlog"
	"marginledger/projector"
	"marginledger/snapshot/sumtree"
)

// ManifestFormat names the format of a manifest and its version.
const ManifestFormat = "marginledger-snapshot/1"

// Manifest describes one snapshot. It is stored last, once the file has been read back: a file without a manifest is no
// snapshot. docs/formats/snapshot.md explains each field.
type Manifest struct {
	Format string    `json:"format"`
	Name   string    `json:"name"`  // of the snapshot; its file and its manifest are this and a suffix
	Taken  time.Time `json:"taken"` // by the clock of who took it, to the second: for pruning and for people

	Identity  orderlog.Hash `json:"identity"`  // SHA-256 of the uncompressed body
	BodyBytes uint64        `json:"bodyBytes"` // of it
	FileBytes int64         `json:"fileBytes"`
	FileHash  orderlog.Hash `json:"fileHash"` // SHA-256 of the file
	Rows      uint64        `json:"rows"`
	Seen      uint64        `json:"seen"` // entries of the dedupe window

	Versions Versions `json:"versions"`
	Head     Head     `json:"head"`

	Root     *sumtree.Root  `json:"root"`     // null: there was no audit key
	RootHash *orderlog.Hash `json:"rootHash"` // what is to be published of it

	Digest orderlog.Hash `json:"digest"` // SHA-256 of this manifest with 64 zeros in this place
}

// Versions say what a reader must understand, and who wrote it.
type Versions struct {
	File  int    `json:"file"` // of the file's format
	Head  int    `json:"head"` // of the stored head
	Rules string `json:"rules"`
	Build string `json:"build"`
}

// Head is what a manifest shows of the stored head.
type Head struct {
	ClusterID    string        `json:"clusterId"`
	Shard        int32         `json:"shard"`
	DedupeWindow int           `json:"dedupeWindow"`
	Cut          uint64        `json:"cut"`
	Term         int64         `json:"term"`
	OrderNext    int64         `json:"orderNext"`
	Chain        orderlog.Hash `json:"chain"`
	N            uint64        `json:"n"`
	Sequences    []uint64      `json:"sequences"` // per output topic, in the order of events.Stream
	Sources      []Place       `json:"sources"`
	Skips        []Skip        `json:"skips"`
}

// Place is how far a source is consumed.
type Place struct {
	Topic     string        `json:"topic"`
	Partition int32         `json:"partition"`
	Next      int64         `json:"next"`
	Last      int64         `json:"last"`
	Digest    orderlog.Hash `json:"digest"` // of the last consumed record
}

// Skip is a SKIP whose record is yet to come.
type Skip struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Reason    string `json:"reason"`
}

// headOf returns what a manifest shows of a head.
func headOf(h *orderlog.Head) Head {
	m := Head{ClusterID: h.ClusterID, Shard: h.Shard, DedupeWindow: h.DedupeWindow, Cut: h.Cut, Term: h.Term, OrderNext: h.OrderNext,
		Chain: h.Chain, N: h.Counters.N, Sequences: append([]uint64{}, h.Counters.Seqs[:]...), Sources: []Place{}, Skips: []Skip{}}
	for i := range h.Sources {
		p := &h.Sources[i]
		m.Sources = append(m.Sources, Place{p.Source.Topic, p.Source.Partition, p.Next, p.Last, p.Digest})
	}
	for i := range h.Skips {
		s := &h.Skips[i].Skip
		m.Skips = append(m.Skips, Skip{s.Source.Topic, s.Source.Partition, s.Offset, s.Reason})
	}
	return m
}

// Place returns the place of a source, nil where none of its records was consumed.
func (h *Head) Place(s projector.Source) *Place {
	for i := range h.Sources {
		if p := &h.Sources[i]; p.Topic == s.Topic && p.Partition == s.Partition {
			return p
		}
	}
	return nil
}

// File and Manifest suffixes of a snapshot's name.
const (
	fileSuffix     = ".mlsnap"
	manifestSuffix = ".json"
)

// prefix begins the names of a shard's snapshots; the rest sorts by cut.
func prefix(shard int32) string { return fmt.Sprintf("shard-%03d-cut-", shard) }

// nameOf returns the name of a snapshot: the same state with a root under the same key, or with none, has the same
// name, whoever takes it.
func nameOf(shard int32, cut uint64, id orderlog.Hash, keyID string) string {
	name := fmt.Sprintf("%s%020d-%s", prefix(shard), cut, id.String()[:16])
	if keyID != "" {
		name += "-" + keyID[:8]
	}
	return name
}

// cutOf returns the cut in a name of a shard's snapshot, 0 where there is none.
func cutOf(name string, shard int32) uint64 {
	digits, _, _ := strings.Cut(strings.TrimPrefix(name, prefix(shard)), "-")
	cut, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0
	}
	return cut
}

func (m *Manifest) keyID() string {
	if m.Root == nil {
		return ""
	}
	return m.Root.KeyID
}

// FileName returns the name of the snapshot's file in a store.
func (m *Manifest) FileName() string { return m.Name + fileSuffix }

// ManifestName returns the name of the manifest in a store.
func (m *Manifest) ManifestName() string { return m.Name + manifestSuffix }

// Encode returns the manifest as it is stored, and sets its digest.
func (m *Manifest) Encode() ([]byte, error) {
	m.Format, m.Digest = ManifestFormat, orderlog.Hash{}
	b, err := m.text()
	if err != nil {
		return nil, err
	}
	m.Digest = sha256.Sum256(b)
	return m.text()
}

func (m *Manifest) text() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode a manifest: %w", err)
	}
	return append(b, '\n'), nil
}

// ParseManifest reads a stored manifest. What Encode did not write is ErrBad.
func ParseManifest(b []byte) (*Manifest, error) {
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, bad("manifest: %w", err)
	}
	if m.Format != ManifestFormat {
		return nil, bad("manifest: its format is %q, this build reads %q", m.Format, ManifestFormat)
	}
	digest := m.Digest
	again, err := m.Encode()
	if err != nil {
		return nil, err
	}
	if m.Digest != digest || !bytes.Equal(again, b) {
		return nil, bad("manifest: its digest is %v, what it says has %v: it was changed", digest, m.Digest)
	}
	if err := m.check(); err != nil {
		return nil, bad("manifest: %w", err)
	}
	return &m, nil
}

// check refuses a manifest that contradicts itself.
func (m *Manifest) check() error {
	h := &m.Head
	switch {
	case m.Root != nil && len(m.Root.KeyID) != 16:
		return fmt.Errorf("its root is of audit key %q", m.Root.KeyID)
	case m.Name != nameOf(h.Shard, h.Cut, m.Identity, m.keyID()):
		return fmt.Errorf("its name is %q, its head and identity make %q", m.Name, nameOf(h.Shard, h.Cut, m.Identity, m.keyID()))
	case (m.Root == nil) != (m.RootHash == nil):
		return errors.New("it has a root without its hash, or a hash without its root")
	case m.Root == nil:
		return nil
	case m.Root.Shard != h.Shard || m.Root.Cut != h.Cut || m.Root.Chain != h.Chain:
		return errors.New("its root is of another cut")
	case m.Root.Hash() != *m.RootHash:
		return fmt.Errorf("its root has hash %v, not %v", m.Root.Hash(), *m.RootHash)
	}
	return nil
}

// agrees compares what a manifest says with what its file was found to hold.
func (m *Manifest) agrees(f *File) error {
	got := Manifest{Name: m.Name, Taken: m.Taken, Root: m.Root, RootHash: m.RootHash}
	f.describe(&got)
	want, err := m.Encode()
	if err != nil {
		return err
	}
	text, err := got.Encode()
	if err != nil {
		return err
	}
	if !bytes.Equal(want, text) {
		return bad("the file is not what its manifest says: identity %v, %d bytes, cut %d, file hash %v", got.Identity, got.FileBytes, got.Head.Cut, got.FileHash)
	}
	return nil
}
