// Package api answers questions about a ledger over HTTP: accounts, markets, announcements, health and metrics.
//
// Every answer is that of one committed cut, which it names with shard, term and hash: account, marks and indexes
// come from one stored snapshot, never from the fold's live memory. Numbers are decimal strings; errors are problem
// documents (RFC 9457). The OpenAPI document is generated from the types below.
package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"marginledger/snapshot"
)

// Ledger is the process behind the API.
type Ledger interface {
	// ShardOf returns the shard on which an owner's accounts live.
	ShardOf(owner string) int32
	// Local returns the shards that this process holds and has recovered, in order.
	Local() []int32
	// Read opens the newest committed cut of a shard, and waits until that is at least minCut. It returns ErrTakeover
	// while nobody holds the shard, an *ElsewhereError when another process does, and a *BehindError when ctx ends first.
	Read(ctx context.Context, shard int32, minCut uint64) (Cut, error)
	// NotReady says what keeps the process from being ready, one line each; empty: it is.
	NotReady() []string
	// Announcements returns up to limit records of the liquidations topic of a shard with seq > since, in order.
	Announcements(ctx context.Context, shard int32, since uint64, limit int) ([]Announcement, error)
	// Snapshots returns what is stored of a shard, newest first, and what is wrong with manifests that are none. Errors
	// are those of Read, and ErrNoSnapshots.
	Snapshots(ctx context.Context, shard int32) (manifests []*snapshot.Manifest, damaged []error, err error)
	// TakeSnapshot takes one of the last stored cut, and returns once it is verified. Errors are those of Read, and
	// ErrNoSnapshots.
	TakeSnapshot(ctx context.Context, shard int32) (*snapshot.Manifest, error)
}

// Cut is the stored state of one shard at one cut. Closing it releases the store's snapshot.
type Cut interface {
	At() At
	// Account returns nil where the ledger has never heard of the account.
	Account(venue, owner string, subaccount uint32) (*Account, error)
	// Market returns nil where the market is not listed.
	Market(venue, market string) (*Market, error)
	// Queue returns the shard's positions on one side of a market in the order of deleveraging; nil where the market is
	// not listed. It reads the rows of all accounts of the venue on the shard.
	Queue(venue, market string, long bool) ([]Queued, error)
	// Family is nil where the venue has no parent subaccounts, or the ledger none of the family.
	Family(venue, owner string, subaccount uint32) (*Family, error)
	Close() error
}

// ErrTakeover means that a shard is between two owners.
var ErrTakeover = errors.New("the shard is being taken over")

// ElsewhereError means that another process holds the shard.
type ElsewhereError struct {
	Shard int32
	URL   string // as its fence record says
}

// Error implements error.
func (e *ElsewhereError) Error() string { return fmt.Sprintf("shard %d is held by %s", e.Shard, e.URL) }

// BehindError means that a cut was not committed in time.
type BehindError struct {
	Shard     int32
	Cut, Want uint64
}

// Error implements error.
func (e *BehindError) Error() string {
	return fmt.Sprintf("shard %d is at cut %d, asked for at least %d", e.Shard, e.Cut, e.Want)
}

// Options say how the API behaves.
type Options struct {
	Version       string
	MinCutTimeout time.Duration        // how long a request waits for its min_cut
	Registry      *prometheus.Registry // whose metrics are served, and where the API's own are registered
}

// server carries what the handlers share.
type server struct {
	ledger  Ledger
	options Options
}

// New returns the handler of the whole API.
func New(l Ledger, o Options) http.Handler {
	s := &server{ledger: l, options: o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{Registry: o.Registry}))

	cfg := huma.DefaultConfig("Margin ledger", o.Version)
	cfg.Info.Description = "Margin state of accounts, as folded from the exchange's facts. Numbers are decimal strings."
	cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", nil // no page from a CDN, no $schema links
	cfg.RejectUnknownQueryParameters = true
	a := humago.New(mux, cfg)
	a.UseMiddleware(measure(o.Registry))
	s.register(a)
	return mux
}

func (s *server) register(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "get-account", Method: http.MethodGet, Path: "/v1/accounts/{venue}/{owner}/{sub}",
		Summary: "Equity, requirements, positions and episodes of one account", Tags: []string{"accounts"},
		Errors: []int{http.StatusTemporaryRedirect, http.StatusNotFound, http.StatusServiceUnavailable},
	}, s.account)
	huma.Register(a, huma.Operation{
		OperationID: "get-family", Method: http.MethodGet, Path: "/v1/accounts/{venue}/{owner}/{sub}/family",
		Summary: "A parent subaccount with its children, of a venue that has such", Tags: []string{"accounts"},
		Errors: []int{http.StatusTemporaryRedirect, http.StatusNotFound, http.StatusServiceUnavailable},
	}, s.family)
	huma.Register(a, huma.Operation{
		OperationID: "get-market", Method: http.MethodGet, Path: "/v1/markets/{venue}/{market}",
		Summary: "Rules, prices and funding index of one market", Tags: []string{"markets"},
		Errors: []int{http.StatusTemporaryRedirect, http.StatusNotFound, http.StatusServiceUnavailable},
	}, s.market)
	huma.Register(a, huma.Operation{
		OperationID: "list-adl-queue", Method: http.MethodGet, Path: "/v1/markets/{venue}/{market}/adl",
		Summary: "Positions on one side of a market in the order in which they would be deleveraged", Tags: []string{"markets"},
		Errors: []int{http.StatusTemporaryRedirect, http.StatusNotFound, http.StatusServiceUnavailable},
	}, s.queue)
	huma.Register(a, huma.Operation{
		OperationID: "list-liquidations", Method: http.MethodGet, Path: "/v1/liquidations",
		Summary: "Announcements of the liquidations topic since a sequence number", Tags: []string{"liquidations"},
		Errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, s.liquidations)
	s.registerSnapshots(a)
}

// health says that the process runs and can answer.
func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "ok")
}

// ready says whether every shard of this process is past its fence and follows its sources.
func (s *server) ready(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	reasons := s.ledger.NotReady()
	if len(reasons) == 0 {
		fmt.Fprintln(w, "ready")
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	for _, r := range reasons {
		fmt.Fprintln(w, r)
	}
}
