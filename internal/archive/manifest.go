package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"marginledger/events"
	"marginledger/internal/orderlog"
)

// Names in an archive's folder.
const (
	ManifestName = "MANIFEST.json"
	SumsName     = "SHA256SUMS"
	// SnapshotsFolder is a store of snapshots, as package snapshot has it.
	SnapshotsFolder = "snapshots"
)

// formatName and formatVersion begin a manifest.
const (
	formatName    = "marginledger archive"
	formatVersion = 1
)

// Manifest says what an archive holds. The digests of its files are in SHA256SUMS.
type Manifest struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Created time.Time `json:"created"`
	Build   string    `json:"build"`

	Cluster string                 `json:"cluster"` // id of the Kafka cluster
	Order   string                 `json:"orderTopic"`
	Outputs [events.Streams]string `json:"outputTopics"`

	Shards []Shard     `json:"shards"`
	Parts  []Partition `json:"partitions"`
}

// Shard is one shard's range of an archive.
type Shard struct {
	Shard     int32                  `json:"shard"`
	FromCut   uint64                 `json:"fromCut"` // 1: from the beginning
	ToCut     uint64                 `json:"toCut"`   // less than FromCut: the range is empty
	FromN     uint64                 `json:"fromN"`   // first record of the range
	ToN       uint64                 `json:"toN"`     // last
	Chain     orderlog.Hash          `json:"chain"`   // of ToCut
	FromSeqs  [events.Streams]uint64 `json:"fromSeqs"`
	ToSeqs    [events.Streams]uint64 `json:"toSeqs"`
	Published [events.Streams]uint64 `json:"published"`      // last sequence of the range that was there: others may have been on their way
	Base      string                 `json:"base,omitempty"` // name of the snapshot that the range starts from; "" from cut 1
	Snapshots []string               `json:"snapshots"`      // names of those of cuts of the range: their manifests are here
}

// Partition is one partition of the order topic, an input or an output.
type Partition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Of        string `json:"of"` // order, input or output
	Role      string `json:"role,omitempty"`
	File      string `json:"file"`
	From      int64  `json:"from"` // offsets: from this one
	Next      int64  `json:"next"` // up to, not including, this one
	Records   uint64 `json:"records"`
}

// What a partition is of.
const (
	OfOrder  = "order"
	OfInput  = "input"
	OfOutput = "output"
)

// Write writes the manifest into a folder, under its name or, while the archive is being written, another.
func (m *Manifest) Write(dir, name string) error {
	m.Format, m.Version = formatName, formatVersion
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("archive: %v", err)) // texts and integers marshal
	}
	if err := writeFile(filepath.Join(dir, name), append(text, '\n')); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// ReadManifest reads a manifest of a folder.
func ReadManifest(dir, name string) (*Manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, &DamageError{File: name, Block: -1, What: err.Error()}
	}
	return m, nil
}

func parseManifest(text []byte) (*Manifest, error) {
	in := json.NewDecoder(bytes.NewReader(text))
	var version struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return nil, err
	}
	if version.Format != formatName || version.Version != formatVersion {
		return nil, fmt.Errorf("is of %q version %d, this build reads %q version %d", version.Format, version.Version, formatName, formatVersion)
	}
	in.DisallowUnknownFields()
	m := new(Manifest)
	if err := in.Decode(m); err != nil {
		return nil, err
	}
	return m, m.check()
}

// check refuses what would lead out of the folder, or contradicts itself.
func (m *Manifest) check() error {
	for i := range m.Parts {
		p := &m.Parts[i]
		if !filepath.IsLocal(p.File) || p.Topic == "" || p.Partition < 0 || p.From < 0 || p.Next < p.From {
			return fmt.Errorf("partition %s/%d is malformed", p.Topic, p.Partition)
		}
	}
	for i := range m.Shards {
		s := &m.Shards[i]
		if s.Shard != int32(i) || s.FromCut == 0 || (s.FromCut > 1) != (s.Base != "") {
			return fmt.Errorf("shard %d is malformed", s.Shard)
		}
		for _, name := range append([]string{s.Base}, s.Snapshots...) {
			if name != "" && (!filepath.IsLocal(name) || strings.ContainsAny(name, `/\`)) {
				return fmt.Errorf("shard %d: snapshot %q lies outside", s.Shard, name)
			}
		}
	}
	return nil
}

// writeFile writes a file that is whole or not there.
func writeFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path+partSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+partSuffix, path)
}

// Seal writes SHA256SUMS, with which an archive is finished, and returns its digest: who keeps that elsewhere has
// everything nailed down. step hears of every byte that is read; it may be nil.
func Seal(ctx context.Context, dir string, step func(bytes int)) (orderlog.Hash, error) {
	var names []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if name != SumsName && name != PlanName && !strings.HasSuffix(name, partSuffix) {
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		return orderlog.Hash{}, fmt.Errorf("seal the archive: %w", err)
	}
	slices.Sort(names)
	var sums bytes.Buffer
	for _, name := range names {
		sum, err := digestFile(ctx, filepath.Join(dir, name), step)
		if err != nil {
			return orderlog.Hash{}, fmt.Errorf("seal the archive: %w", err)
		}
		fmt.Fprintf(&sums, "%v  %s\n", sum, name)
	}
	if err := writeFile(filepath.Join(dir, SumsName), sums.Bytes()); err != nil {
		return orderlog.Hash{}, fmt.Errorf("seal the archive: %w", err)
	}
	return sha256.Sum256(sums.Bytes()), nil
}

func digestFile(ctx context.Context, path string, step func(int)) (sum orderlog.Hash, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h, buf := sha256.New(), make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return sum, err
		}
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if step != nil {
			step(n)
		}
		if errors.Is(err, io.EOF) {
			h.Sum(sum[:0])
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
	}
}

// readSums reads SHA256SUMS; the digest is its own.
func readSums(dir string) (sums map[string]orderlog.Hash, digest orderlog.Hash, err error) {
	text, err := os.ReadFile(filepath.Join(dir, SumsName))
	if errors.Is(err, fs.ErrNotExist) {
		if _, begun := os.Stat(filepath.Join(dir, PlanName)); begun == nil {
			return nil, digest, fmt.Errorf("%s: %w: run \"replay archive --out %s\" again to go on with it", dir, ErrUnfinished, dir)
		}
		return nil, digest, fmt.Errorf("%s is no archive: %w", dir, err)
	}
	if err != nil {
		return nil, digest, err
	}
	sums, err = parseSums(text)
	return sums, sha256.Sum256(text), err
}

// PlanName is the manifest of an archive that is being written: its range is fixed when it is begun.
const PlanName = "PLAN.json"

func parseSums(text []byte) (map[string]orderlog.Hash, error) {
	bad := func(line string) error {
		return &DamageError{File: SumsName, Block: -1, What: fmt.Sprintf("the line %.100q is no digest and file name", line)}
	}
	sums := make(map[string]orderlog.Hash)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		digits, name, ok := strings.Cut(lines.Text(), "  ")
		sum, err := hex.DecodeString(digits)
		if !ok || err != nil || len(sum) != sha256.Size || !filepath.IsLocal(name) {
			return nil, bad(lines.Text())
		}
		if _, twice := sums[name]; twice {
			return nil, bad(lines.Text())
		}
		sums[name] = orderlog.Hash(sum)
	}
	if err := lines.Err(); err != nil {
		return nil, &DamageError{File: SumsName, Block: -1, What: err.Error()}
	}
	return sums, nil
}
