package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"marginledger/internal/pipeline"
	"marginledger/internal/store"
	"marginledger/snapshot"
)

// ErrNoSnapshots means that the ledger has no place for snapshots.
var ErrNoSnapshots = pipeline.ErrNoSnapshots

// Snapshot is one snapshot of a shard, as its manifest has it.
type Snapshot struct {
	Name     string    `json:"name"`
	At       At        `json:"at"`
	Taken    time.Time `json:"taken"`
	Identity string    `json:"identity" doc:"SHA-256 of the uncompressed body: any two folds of one order log have the same at the same cut."`
	Bytes    int64     `json:"bytes" doc:"Of the file."`
	Rows     uint64    `json:"rows"`
	Root     *Root     `json:"root" doc:"The Merkle-sum root; null: the ledger has no audit key."`
}

// Root is the Merkle-sum root of a snapshot.
type Root struct {
	Hash     string     `json:"hash" doc:"What is to be published: it commits to everything else."`
	KeyID    string     `json:"keyId"`
	Accounts uint64     `json:"accounts"`
	Totals   []RootSums `json:"totals"`
}

// RootSums are what all accounts of the shard together have and owe of one asset.
type RootSums struct {
	Venue       string  `json:"venue"`
	Asset       string  `json:"asset"`
	Liabilities Decimal `json:"liabilities"`
	Receivables Decimal `json:"receivables"`
}

// SnapshotOf returns what a manifest says.
func SnapshotOf(m *snapshot.Manifest) Snapshot {
	h := &m.Head
	s := Snapshot{Name: m.Name, At: At{Shard: h.Shard, Term: h.Term, Cut: h.Cut, Hash: h.Chain.String(), N: h.N},
		Taken: m.Taken, Identity: m.Identity.String(), Bytes: m.FileBytes, Rows: m.Rows}
	if m.Root == nil {
		return s
	}
	s.Root = &Root{Hash: m.RootHash.String(), KeyID: m.Root.KeyID, Accounts: m.Root.Accounts, Totals: []RootSums{}}
	for i := range m.Root.Totals {
		t := &m.Root.Totals[i]
		s.Root.Totals = append(s.Root.Totals, RootSums{t.Venue, t.Asset,
			Decimal(t.Liabilities.Append(nil, int(t.Scale))), Decimal(t.Receivables.Append(nil, int(t.Scale)))})
	}
	return s
}

func (s *server) registerSnapshots(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "list-snapshots", Method: http.MethodGet, Path: "/v1/shards/{shard}/snapshots",
		Summary: "Snapshots of a shard, newest first, with their roots", Tags: []string{"snapshots"},
		Errors: []int{http.StatusTemporaryRedirect, http.StatusNotFound, http.StatusServiceUnavailable},
	}, s.listSnapshots)
	huma.Register(a, huma.Operation{
		OperationID: "take-snapshot", Method: http.MethodPost, Path: "/v1/shards/{shard}/snapshots", DefaultStatus: http.StatusOK,
		Summary: "Take a snapshot of the last cut, and answer once it is stored and verified", Tags: []string{"snapshots"},
		Errors: []int{http.StatusTemporaryRedirect, http.StatusNotFound, http.StatusServiceUnavailable},
	}, s.takeSnapshot)
}

type snapshotsInput struct {
	ReadInput
	Shard int32 `path:"shard" minimum:"0"`
}

type snapshotsOutput struct {
	Body struct {
		Snapshots []Snapshot `json:"snapshots"`
		Damaged   []string   `json:"damaged" doc:"What is wrong with manifests that cannot be read."`
	}
}

func (s *server) listSnapshots(ctx context.Context, in *snapshotsInput) (*snapshotsOutput, error) {
	manifests, damaged, err := s.ledger.Snapshots(ctx, in.Shard)
	if err != nil {
		return nil, s.problem(err, in.uri)
	}
	out := &snapshotsOutput{}
	out.Body.Snapshots, out.Body.Damaged = []Snapshot{}, []string{}
	for _, m := range manifests {
		out.Body.Snapshots = append(out.Body.Snapshots, SnapshotOf(m))
	}
	for _, err := range damaged {
		out.Body.Damaged = append(out.Body.Damaged, err.Error())
	}
	return out, nil
}

type snapshotOutput struct {
	Body struct {
		Snapshot Snapshot `json:"snapshot"`
	}
}

func (s *server) takeSnapshot(ctx context.Context, in *snapshotsInput) (*snapshotOutput, error) {
	if in.MinCut > 0 {
		if err := s.read(ctx, in.Shard, &in.ReadInput, func(Cut) error { return nil }); err != nil {
			return nil, err
		}
	}
	m, err := s.ledger.TakeSnapshot(ctx, in.Shard)
	if err != nil {
		return nil, s.problem(err, in.uri)
	}
	out := &snapshotOutput{}
	out.Body.Snapshot = SnapshotOf(m)
	return out, nil
}

// Snapshots implements Ledger. A directory may be this process's own, so who holds the shard answers.
func (n *Node) Snapshots(ctx context.Context, shard int32) ([]*snapshot.Manifest, []error, error) {
	if _, err := n.shard(ctx, shard); err != nil {
		return nil, nil, err
	}
	if n.Store == nil {
		return nil, nil, ErrNoSnapshots
	}
	return snapshot.List(ctx, n.Store, shard)
}

// TakeSnapshot implements Ledger.
func (n *Node) TakeSnapshot(ctx context.Context, shard int32) (*snapshot.Manifest, error) {
	sh, err := n.shard(ctx, shard)
	if err != nil {
		return nil, err
	}
	m, err := sh.TakeSnapshot(ctx)
	if errors.Is(err, pipeline.ErrNotReady) || errors.Is(err, store.ErrClosed) {
		return nil, ErrTakeover
	}
	return m, err
}

// shard returns a shard that this process holds, or says where it is.
func (n *Node) shard(ctx context.Context, shard int32) (*pipeline.Shard, error) {
	if shard >= n.Shards {
		return nil, noShard(shard, n.Shards)
	}
	if sh, here := n.Pipeline.Shard(shard); here {
		return sh, nil
	}
	return nil, n.elsewhere(ctx, shard)
}
