package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"marginledger/internal/orderlog"
	"marginledger/projector"
	"marginledger/snapshot"
)

// newBucket returns a bucket of its own, a prefix of the gateway's, through addr.
func newBucket(t *testing.T, addr string) *Bucket {
	t.Helper()
	b, err := New(Config{Endpoint: "http://" + addr, Region: "us-east-1", Bucket: testBucket, Prefix: strings.ReplaceAll(t.Name(), "/", "-"),
		AccessKey: accessKey, SecretKey: secretKey, Spool: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	b.pause = time.Millisecond
	return b
}

// state has rows that do not compress.
type state struct {
	head orderlog.Head
	rows []projector.Row
}

func stateOf(cut uint64, bytes int) *state {
	s := &state{head: orderlog.Head{Shard: 1, DedupeWindow: 10, Rules: "1", Cut: cut}}
	rng := rand.New(rand.NewPCG(cut, 9))
	for i := range bytes / 1000 {
		v := make([]byte, 1000)
		for i := range v {
			v[i] = byte(rng.Uint32())
		}
		s.rows = append(s.rows, projector.Row{Key: fmt.Appendf(nil, "row-%08d", i), Value: v})
	}
	return s
}

func (s *state) Head() (*orderlog.Head, error)                       { return &s.head, nil }
func (s *state) EachSeen(func(projector.Source, []byte) error) error { return nil }
func (s *state) EachRow(f func(projector.Row) error) error {
	for _, r := range s.rows {
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

func take(t *testing.T, b *Bucket, s *state, now time.Time) *snapshot.Manifest {
	t.Helper()
	m, err := snapshot.Take(t.Context(), b, s, snapshot.TakeOptions{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func cutsIn(t *testing.T, b *Bucket) []uint64 {
	t.Helper()
	manifests, damaged, err := snapshot.List(t.Context(), b, 1)
	if err != nil || len(damaged) > 0 {
		t.Fatal(damaged, err)
	}
	cuts := []uint64{}
	for _, m := range manifests {
		cuts = append(cuts, m.Head.Cut)
	}
	return cuts
}

func spoolIsEmpty(t *testing.T, b *Bucket) {
	t.Helper()
	if left, err := filepath.Glob(filepath.Join(b.cfg.Spool, "*")); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// A bucket does what a directory does: takes, lists, opens, copies and prunes, small files and those of many parts.
func TestBucket(t *testing.T) {
	b := newBucket(t, gatewayAddr)
	if got := cutsIn(t, b); len(got) != 0 {
		t.Fatal(got)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for i, size := range []int{0, 5_000, 40_000_000} {
		s := stateOf(uint64(i+1), size)
		m := take(t, b, s, now.Add(time.Duration(i)*time.Minute))
		f, done, err := snapshot.OpenFrom(t.Context(), b, m)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := f.EachRow(func(r projector.Row) error {
			if !bytes.Equal(r.Value, s.rows[n].Value) {
				t.Errorf("row %d differs", n)
			}
			n++
			return nil
		}); err != nil || n != len(s.rows) {
			t.Fatal(n, err)
		}
		done()
	}
	other := newBucket(t, gatewayAddr)
	other.cfg.Prefix = b.cfg.Prefix + "deeper/"
	take(t, other, stateOf(9, 10), now)
	if got := cutsIn(t, b); !slices.Equal(got, []uint64{3, 2, 1}) {
		t.Fatal(got)
	}
	manifests, _, err := snapshot.List(t.Context(), b, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := snapshot.Dir(t.TempDir())
	if err := snapshot.Copy(t.Context(), b, dir, manifests[1]); err != nil {
		t.Fatal(err)
	}
	if err := snapshot.Copy(t.Context(), dir, other, manifests[1]); err != nil {
		t.Fatal(err)
	}
	if removed, err := snapshot.Prune(t.Context(), b, 1, snapshot.Policy{Last: 1}, nil); err != nil || len(removed) != 2 {
		t.Fatal(removed, err)
	}
	if got := cutsIn(t, b); !slices.Equal(got, []uint64{3}) {
		t.Fatal(got)
	}
	if err := b.Remove(t.Context(), "not-there"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), "not-there"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if _, _, err := b.Fetch(t.Context(), "not-there"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	spoolIsEmpty(t, b)
}

// Connections are cut at random, in the middle of uploads, downloads and listings: a snapshot arrives whole, and comes
// back whole.
func TestCutConnections(t *testing.T) {
	seed := rand.Uint64()
	if v := os.Getenv("MARGINLEDGER_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("repeat with MARGINLEDGER_SEED=%d go test ./snapshot/bucket -run %s", seed, t.Name())
	rng := rand.New(rand.NewPCG(seed, 1))
	connections := 0
	c := newCutter(t, func() int64 {
		// Every third connection holds: eight tries in a row must not all be unlucky.
		if connections++; connections%3 == 0 {
			return -1
		}
		return rng.Int64N(12 << 20)
	})
	b := newBucket(t, c.l.Addr().String())
	for cut := uint64(1); cut <= 3; cut++ {
		m := take(t, b, stateOf(cut, 20_000_000), time.Now())
		if _, done, err := snapshot.OpenFrom(t.Context(), b, m); err != nil {
			t.Fatal(err)
		} else {
			done()
		}
	}
	t.Logf("%d connections were cut", c.cuts.Load())
	if c.cuts.Load() == 0 {
		t.Error("none was cut")
	}
	if got := cutsIn(t, newBucket(t, gatewayAddr)); !slices.Equal(got, []uint64{3, 2, 1}) {
		t.Fatal(got)
	}
	spoolIsEmpty(t, b)
}

// A download goes on where it was cut: a connection that always breaks after two megabytes delivers twenty.
func TestDownloadGoesOn(t *testing.T) {
	direct := newBucket(t, gatewayAddr)
	m := take(t, direct, stateOf(1, 20_000_000), time.Now())
	c := newCutter(t, func() int64 { return 2 << 20 })
	b := newBucket(t, c.l.Addr().String())
	if _, done, err := snapshot.OpenFrom(t.Context(), b, m); err != nil {
		t.Fatal(err)
	} else {
		done()
	}
	if n := c.cuts.Load(); n < 9 {
		t.Errorf("cut %d times only", n)
	}
}

// A server that is not there is an error after some attempts, with nothing left behind, and no snapshot is listed.
func TestNoServer(t *testing.T) {
	c := newCutter(t, func() int64 { return 0 })
	b := newBucket(t, c.l.Addr().String())
	_, err := snapshot.Take(t.Context(), b, stateOf(1, 5000), snapshot.TakeOptions{})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("tried %d times", attempts)) {
		t.Fatal(err)
	}
	if got := cutsIn(t, newBucket(t, gatewayAddr)); len(got) != 0 {
		t.Fatal(got)
	}
	spoolIsEmpty(t, b)
}

// A server whose disk is full, at any byte: the older snapshot stays, the new one is not there in part; with room again
// it is taken.
func TestServerDiskFull(t *testing.T) {
	defer gatewayDisk.left.Store(-1)
	b := newBucket(t, gatewayAddr)
	old := take(t, b, stateOf(1, 50_000), time.Now())
	for _, left := range []int64{0, 1, 40_000, old.FileBytes - 1, old.FileBytes + 10} {
		gatewayDisk.left.Store(left)
		if _, err := snapshot.Take(t.Context(), b, stateOf(2, 50_000), snapshot.TakeOptions{}); err == nil {
			t.Fatalf("with room for %d bytes: no error", left)
		}
		gatewayDisk.left.Store(-1)
		if got := cutsIn(t, b); !slices.Equal(got, []uint64{1}) {
			t.Fatalf("with room for %d bytes: %v", left, got)
		}
		if _, done, err := snapshot.OpenFrom(t.Context(), b, old); err != nil {
			t.Fatal(err)
		} else {
			done()
		}
	}
	gatewayDisk.left.Store(20_000_000) // in the second part of the upload
	if _, err := snapshot.Take(t.Context(), b, stateOf(3, 40_000_000), snapshot.TakeOptions{}); err == nil {
		t.Fatal("no error")
	}
	gatewayDisk.left.Store(-1)
	take(t, b, stateOf(3, 40_000_000), time.Now())
	if got := cutsIn(t, b); !slices.Equal(got, []uint64{3, 1}) {
		t.Fatal(got)
	}
	spoolIsEmpty(t, b)
}

// fullFile is a file of a spool whose disk has so many bytes left.
type fullFile struct {
	spoolFile
	left int
}

func (f *fullFile) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return 0, syscall.ENOSPC
	}
	f.left -= len(p)
	return f.spoolFile.Write(p)
}

// A spool whose disk is full is an error at once: nothing is tried again, nothing is left.
func TestSpoolDiskFull(t *testing.T) {
	b := newBucket(t, gatewayAddr)
	m := take(t, b, stateOf(1, 3_000_000), time.Now())
	b.create = func() (spoolFile, error) {
		f, err := b.createTemp()
		return &fullFile{f, 1_000_000}, err
	}
	if _, _, err := snapshot.OpenFrom(t.Context(), b, m); !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "tried") {
		t.Error(err)
	}
	if _, err := snapshot.Take(t.Context(), b, stateOf(2, 3_000_000), snapshot.TakeOptions{}); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	spoolIsEmpty(t, b)
	if got := cutsIn(t, b); !slices.Equal(got, []uint64{1}) {
		t.Fatal(got)
	}
}

// Refusals are final, and damage in the bucket is found.
func TestRefusedAndDamaged(t *testing.T) {
	wrong := newBucket(t, gatewayAddr)
	cfg := wrong.cfg
	cfg.SecretKey = "another"
	wrong, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.Names(t.Context(), ""); err == nil || strings.Contains(err.Error(), "tried") || strings.Contains(err.Error(), secretKey) {
		t.Error(err)
	}
	cfg = newBucket(t, gatewayAddr).cfg
	cfg.Bucket = "no-such-bucket"
	if wrong, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.Get(t.Context(), "x"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	b := newBucket(t, gatewayAddr)
	m := take(t, b, stateOf(1, 100_000), time.Now())
	path := filepath.Join(gatewayRoot, testBucket, b.cfg.Prefix, m.FileName())
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[50_000] ^= 1
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := snapshot.OpenFrom(t.Context(), b, m); !errors.Is(err, snapshot.ErrBad) || !strings.Contains(err.Error(), "block 1") {
		t.Error(err)
	}
}

// A snapshot that is given up ends soon, and leaves nothing in the spool.
func TestGivenUp(t *testing.T) {
	c := newCutter(t, func() int64 { return 0 })
	b := newBucket(t, c.l.Addr().String())
	b.pause = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	context.AfterFunc(ctx, func() { c.l.Close() })
	go func() {
		for c.cuts.Load() == 0 { // until it waits for its second attempt
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
			}
		}
		cancel()
	}()
	if _, err := snapshot.Take(ctx, b, stateOf(1, 1000), snapshot.TakeOptions{}); err == nil {
		t.Error("no error")
	}
	spoolIsEmpty(t, b)
}

func TestConfig(t *testing.T) {
	good := Config{Endpoint: "http://localhost:9000", Bucket: "b", Prefix: "/a/b/", AccessKey: "k", SecretKey: "s"}
	b, err := New(good)
	if err != nil || b.String() != "s3://b/a/b/" {
		t.Fatal(b, err)
	}
	for name, change := range map[string]func(*Config){
		"no endpoint": func(c *Config) { c.Endpoint = "" }, "no URL": func(c *Config) { c.Endpoint = "localhost:9000" },
		"no bucket": func(c *Config) { c.Bucket = "" }, "half a key": func(c *Config) { c.SecretKey = "" },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
