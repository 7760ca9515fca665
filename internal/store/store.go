// Package store keeps one shard's state in Pebble: rows, the dedupe window, and the head that says which cut they are of.
//
// A store is a copy, never the truth: it lags the order log and never leads it. So it commits without sync, and what is
// lost with it is folded again. A crash at any instant leaves the state of a whole cut. docs/formats/store.md has the
// keys. It is the only package that imports Pebble.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"marginledger/internal/orderlog"
	"marginledger/projector"
)

var (
	// ErrLocked means that another process, or another part of this one, has the directory open.
	ErrLocked = errors.New("in use by another process")

	// ErrUnfinished means that the directory holds rows and nothing was ever committed on top: a restore was cut off. It
	// may be removed.
	ErrUnfinished = errors.New("left unfinished by a restore")

	// ErrTorn means that the directory is not a whole store: set it aside, a new one is folded from the order log.
	ErrTorn = errors.New("not a whole store")

	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("store is closed")
)

// Options say how a store is opened.
type Options struct {
	DedupeWindow int   // entries kept per source; must be positive
	CacheBytes   int64 // of Pebble's block cache; default 64 MiB
	ReadOnly     bool
	// Log hears of Pebble's errors and stalls; may be nil.
	Log func(message string)
}

// Store is one shard's state on disk. One goroutine commits; views may be taken from any.
type Store struct {
	db       *pebble.DB
	dir      string
	settings *pebble.Options
	window   int
	seen     map[projector.Source]*window // this and sum are of the committing goroutine
	sum      sum
	opened   uint64 // rows that were there when it was opened; 0: not counted

	mu     sync.Mutex
	views  sync.WaitGroup
	closed bool

	stalls      atomic.Int64
	backgrounds atomic.Int64
	fatals      atomic.Int64
	corrupt     atomic.Pointer[error] // set once Pebble has found damaged data
}

// Open opens or creates the store in dir. Unless it is only to be read, everything in it is read and checked. The error is marked ErrLocked or ErrTorn where it is that; other errors (no
// permission, no space) say nothing about what lies there.
func Open(dir string, o Options) (_ *Store, err error) {
	if o.DedupeWindow <= 0 {
		return nil, fmt.Errorf("open store %s: dedupe window %d", dir, o.DedupeWindow)
	}
	if !o.ReadOnly {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("create store: %w", err)
		}
	}
	s := &Store{dir: dir, window: o.DedupeWindow, seen: make(map[projector.Source]*window)}
	options := s.options(o)
	options.EnsureDefaults()
	s.settings = options
	defer options.Cache.Unref()
	if s.db, err = openPebble(dir, options); err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, classify(err))
	}
	if err := s.load(!o.ReadOnly); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", dir, classify(err)), s.db.Close())
	}
	return s, nil
}

// openPebble turns a panic over damaged files into an error.
func openPebble(dir string, options *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: pebble gave up: %v", ErrTorn, p)
		}
	}()
	return pebble.Open(dir, options)
}

func (s *Store) options(o Options) *pebble.Options {
	if o.CacheBytes <= 0 {
		o.CacheBytes = 64 << 20
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	options := &pebble.Options{
		Cache:                       pebble.NewCache(o.CacheBytes),
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                32 << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       2,
		BytesPerSync:                1 << 20,
		WALBytesPerSync:             1 << 20,
		ReadOnly:                    o.ReadOnly,
		Logger:                      &logger{log: o.Log, fatals: &s.fatals},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) {
				s.backgrounds.Add(1)
				o.Log("pebble: background error: " + err.Error())
			},
			// Pebble's default ends the process. The next commit says it, and the next opening sets the store aside.
			DataCorruption: func(i pebble.DataCorruptionInfo) {
				err := fmt.Errorf("%w: %s: %w", ErrTorn, i.Path, i.Details)
				s.corrupt.Store(&err)
				o.Log("pebble: corrupt data: " + err.Error())
			},
			WriteStallBegin: func(i pebble.WriteStallBeginInfo) {
				s.stalls.Add(1)
				o.Log("pebble: write stall: " + i.Reason)
			},
		},
	}
	return options
}

// logger passes on what is fatal to Pebble, and no news.
type logger struct {
	log    func(string)
	fatals *atomic.Int64
}

func (l *logger) Infof(string, ...any)           {}
func (l *logger) Errorf(format string, a ...any) { l.log("pebble: " + fmt.Sprintf(format, a...)) }

// Fatalf may not return: Pebble's memory no longer agrees with its files. A restart recovers.
func (l *logger) Fatalf(format string, a ...any) {
	l.fatals.Add(1)
	message := "pebble: fatal: " + fmt.Sprintf(format, a...)
	l.log(message)
	panic(message)
}

// classify marks an error of opening or reading.
func classify(err error) error {
	switch {
	case errors.Is(err, ErrTorn), errors.Is(err, ErrUnfinished):
		return err
	case strings.Contains(err.Error(), "lock held by current process"), errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EACCES) && strings.Contains(err.Error(), "LOCK"):
		return fmt.Errorf("%w (%w)", ErrLocked, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EMFILE):
		return err
	}
	return fmt.Errorf("%w: %w", ErrTorn, err)
}

// SetAside renames a store that cannot be used, so that a person can look at it, and returns its new name.
func SetAside(dir, why string) (string, error) {
	for i := 1; ; i++ {
		to := fmt.Sprintf("%s.%s-%d", dir, why, i)
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		if err := os.Rename(dir, to); err != nil {
			return "", fmt.Errorf("set store aside: %w", err)
		}
		return to, nil
	}
}

// Close waits for the views that are open and closes the store.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.views.Wait()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// Metrics are figures of Pebble, for operators.
type Metrics struct {
	DiskBytes        uint64
	WALBytes         uint64
	MemTableBytes    uint64
	CacheHits        int64
	CacheMisses      int64
	L0Files          int64
	L0Sublevels      int32
	Compactions      int64
	CompactionDebt   uint64
	Flushes          int64
	WriteStalls      int64
	BackgroundErrors int64
	FatalErrors      int64
}

// Metrics returns the current figures; zero once the store is closed.
func (s *Store) Metrics() Metrics {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Metrics{}
	}
	m := s.db.Metrics()
	return Metrics{
		DiskBytes: m.DiskSpaceUsage(), WALBytes: m.WAL.Size, MemTableBytes: m.MemTable.Size,
		CacheHits: m.BlockCache.Hits, CacheMisses: m.BlockCache.Misses,
		L0Files: m.Levels[0].TablesCount, L0Sublevels: m.Levels[0].Sublevels,
		Compactions: m.Compact.Count, CompactionDebt: m.Compact.EstimatedDebt, Flushes: m.Flush.Count,
		WriteStalls: s.stalls.Load(), BackgroundErrors: s.backgrounds.Load(), FatalErrors: s.fatals.Load(),
	}
}

// ShardDir returns the directory of a shard's store under a data directory.
func ShardDir(dataDir string, shard int32) string {
	return filepath.Join(dataDir, fmt.Sprintf("shard-%03d", shard))
}

// Head returns the head that was committed last; nil where the store is empty.
func (s *Store) Head() (*orderlog.Head, error) {
	v, err := s.View()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return v.Head()
}
