package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Ingest fills an empty store with rows: it writes Pebble's own tables and hands them over at once, which costs a
// third of committing batches. The store stays without a head until the next commit, so a crash leaves an empty one.
type Ingest struct {
	s     *Store
	dir   string
	table *sstable.Writer // the open one
	paths []string
	bytes int // in the open table, about
	key   []byte
}

// ingestBytes is the size of one table.
const ingestBytes = 64 << 20

// NewIngest begins. The store must hold no rows, and nothing may be committed until Finish or Abort.
func (s *Store) NewIngest() (*Ingest, error) {
	g := &Ingest{s: s, dir: s.dir + ".ingest"}
	if s.sum.rows.used > 0 {
		return nil, fmt.Errorf("fill the store: it holds %d rows", s.sum.rows.used)
	}
	err := os.RemoveAll(g.dir) // what a crash left
	if err == nil {
		err = os.Mkdir(g.dir, 0o755)
	}
	if err != nil {
		return nil, fmt.Errorf("fill the store: %w", err)
	}
	return g, nil
}

// Row adds a row. Keys rise.
func (g *Ingest) Row(key, value []byte) error {
	if g.table == nil {
		path := filepath.Join(g.dir, fmt.Sprintf("%06d.sst", len(g.paths)))
		file, err := vfs.Default.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			return fmt.Errorf("fill the store: %w", err)
		}
		file = vfs.NewSyncingFile(file, vfs.SyncingFileOptions{BytesPerSync: 1 << 20}) // so that its end need not wait for all of it
		g.paths = append(g.paths, path)
		g.table = sstable.NewWriter(objstorageprovider.NewFileWritable(file), g.s.settings.MakeWriterOptions(lastLevel, g.s.db.TableFormat()))
	}
	g.s.sum.row(key, value)
	g.key = append(append(g.key[:0], rowPrefix), key...)
	if err := g.table.Set(g.key, value); err != nil {
		return fmt.Errorf("fill the store: %w", err)
	}
	if g.bytes += len(key) + len(value); g.bytes >= ingestBytes {
		return g.closeTable()
	}
	return nil
}

// lastLevel is the level of Pebble that an empty store's rows land in.
const lastLevel = 6

func (g *Ingest) closeTable() error {
	if g.table == nil {
		return nil
	}
	t := g.table
	g.table, g.bytes = nil, 0
	if err := t.Close(); err != nil {
		return fmt.Errorf("fill the store: %w", err)
	}
	return nil
}

// Finish makes the rows part of the store.
func (g *Ingest) Finish(ctx context.Context) error {
	err := g.closeTable()
	if err == nil && len(g.paths) > 0 {
		err = g.s.db.Ingest(ctx, g.paths)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("fill the store: %w", err), g.Abort())
	}
	return g.remove()
}

// Abort gives up. The store is of no use then: its checksum counts rows that it does not hold.
func (g *Ingest) Abort() error { return errors.Join(g.closeTable(), g.remove()) }

func (g *Ingest) remove() error {
	if err := os.RemoveAll(g.dir); err != nil {
		return fmt.Errorf("remove what was ingested: %w", err)
	}
	return nil
}
