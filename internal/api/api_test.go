package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"marginledger/internal/api"
	"marginledger/internal/fixed"
	"marginledger/internal/orderlog"
	"marginledger/snapshot"
	"marginledger/snapshot/sumtree"
)

// fake is a ledger of four shards of which this process holds shard 0; the owner "far" lives on 1, "nobody" on 2.
type fake struct {
	cut      atomic.Uint64
	open     atomic.Int64
	notReady []string
}

func (f *fake) ShardOf(owner string) int32 {
	return map[string]int32{"far": 1, "nobody": 2, "broken": 3}[owner]
}
func (f *fake) Local() []int32     { return []int32{0} }
func (f *fake) NotReady() []string { return f.notReady }

func (f *fake) Read(ctx context.Context, shard int32, minCut uint64) (api.Cut, error) {
	switch shard {
	case 0:
		if cut := f.cut.Load(); cut < minCut {
			<-ctx.Done()
			return nil, &api.BehindError{Shard: shard, Cut: cut, Want: minCut}
		}
		f.open.Add(1)
		return &fakeCut{f, f.cut.Load()}, nil
	case 1:
		return nil, &api.ElsewhereError{Shard: 1, URL: "http://other:8080"}
	case 2:
		return nil, api.ErrTakeover
	}
	return nil, errors.New("the disk is on fire")
}

func (f *fake) Announcements(_ context.Context, shard int32, since uint64, limit int) ([]api.Announcement, error) {
	var out []api.Announcement
	for seq := since + 1; seq <= 5 && len(out) < limit; seq++ {
		out = append(out, api.Announcement{Seq: seq, Value: json.RawMessage(`{"id":"0-1-0","seq":` + string(rune('0'+seq)) + `,"kind":"MarginCall"}`)})
	}
	return out, nil
}

func (f *fake) Snapshots(ctx context.Context, shard int32) ([]*snapshot.Manifest, []error, error) {
	m, err := f.TakeSnapshot(ctx, shard)
	return []*snapshot.Manifest{m}, []error{errors.New("half a manifest")}, err
}

func (f *fake) TakeSnapshot(ctx context.Context, shard int32) (*snapshot.Manifest, error) {
	if f.notReady != nil {
		return nil, api.ErrNoSnapshots
	}
	c, err := f.Read(ctx, shard, 0)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	hash := orderlog.Hash{0xab}
	return &snapshot.Manifest{Name: "shard-000-cut-7", Head: snapshot.Head{Cut: c.At().Cut}, RootHash: &hash,
		Root: &sumtree.Root{Accounts: 2, Totals: sumtree.Sums{{Venue: "v", Asset: "USD", Scale: 2, Liabilities: fixed.FromInt64(1050)}}}}, nil
}

type fakeCut struct {
	f   *fake
	cut uint64
}

func (c *fakeCut) At() api.At   { return api.At{Shard: 0, Term: 9, Cut: c.cut, Hash: "ab", N: 100} }
func (c *fakeCut) Close() error { c.f.open.Add(-1); return nil }

func (c *fakeCut) Account(venue, owner string, sub uint32) (*api.Account, error) {
	if owner != "alice" {
		return nil, nil
	}
	price, free, equity := api.Decimal("9.5"), api.Decimal("12.25"), api.Decimal("100")
	return &api.Account{Venue: venue, Owner: owner, Subaccount: sub, MarginType: "standard", Free: &free, Withdrawable: &free,
		Cross: api.Pool{Pool: "cross", Equity: &equity, Positions: []api.Position{{Market: "BTC-PERP", Leg: "net", Size: "-2", LiquidationPrice: &price}}}}, nil
}

func (c *fakeCut) Market(venue, market string) (*api.Market, error) {
	if market != "BTC-PERP" {
		return nil, nil
	}
	return &api.Market{Venue: venue, Market: market, FundingIndex: "0", Status: "trading"}, nil
}

func (c *fakeCut) Family(venue, owner string, sub uint32) (*api.Family, error) {
	a, err := c.Account(venue, owner, sub)
	if a == nil || err != nil {
		return nil, err
	}
	parent := sub % 128
	a.Parent = &parent
	return &api.Family{Venue: venue, Owner: owner, Parent: parent, Accounts: []api.Account{*a}, Equity: a.Cross.Equity, Free: a.Free}, nil
}

func (c *fakeCut) Queue(_, market string, long bool) ([]api.Queued, error) {
	if market != "BTC-PERP" {
		return nil, nil
	}
	if long {
		return []api.Queued{}, nil
	}
	return []api.Queued{{Owner: "alice", Leg: "net", Size: "-2", Rank: "0.5"}, {Owner: "bob", Leg: "net", Size: "-1", Rank: "0.25"}}, nil
}

func serve(t *testing.T, f *fake) *httptest.Server { return serveWith(t, f, prometheus.NewRegistry()) }

func serveWith(t *testing.T, f *fake, r *prometheus.Registry) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(api.New(f, api.Options{Version: "test", MinCutTimeout: 50 * time.Millisecond, Registry: r}))
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func TestAnswers(t *testing.T) {
	f := &fake{}
	f.cut.Store(7)
	s := serve(t, f)
	for _, c := range []struct {
		path   string
		status int
		want   []string
	}{
		{"/v1/accounts/v/alice/3", 200, []string{`"at":{"shard":0,"term":9,"cut":7,"hash":"ab","n":100}`, `"sub":3`, `"free":"12.25"`, `"liquidationPrice":"9.5"`, `"liquidationPriceUnderlying":null`, `"size":"-2"`}},
		{"/v1/accounts/v/alice/3?min_cut=7", 200, []string{`"cut":7`}},
		{"/v1/accounts/v/alice/3?min_cut=8", 503, []string{"shard 0 is at cut 7, asked for at least 8"}},
		{"/v1/accounts/v/bob/0", 404, []string{"no account v/bob/0 at cut 7 of shard 0"}},
		{"/v1/accounts/v/alice/-1", 422, []string{"path.sub"}},
		{"/v1/accounts/v/nobody/0", 503, []string{"being taken over"}},
		{"/v1/accounts/v/far/0?min_cut=3", 307, []string{"shard 1 is held by http://other:8080"}},
		{"/v1/accounts/v/broken/0", 500, []string{"the disk is on fire"}},
		{"/v1/accounts/v/alice/3?mincut=7", 422, []string{"mincut"}},
		{"/v1/markets/v/BTC-PERP", 200, []string{`"market":"BTC-PERP"`, `"cut":7`}},
		{"/v1/markets/v/BTC-PERP?shard=2", 503, nil},
		{"/v1/markets/v/NONE", 404, []string{"no market v/NONE"}},
		{"/v1/accounts/v/alice/129/family", 200, []string{`"cut":7`, `"parent":1,"accounts":[{"venue":"v"`, `"sub":129,"parent":1`, `"equity":"100","free":"12.25"}`}},
		{"/v1/accounts/v/bob/129/family", 404, []string{"no parent subaccount of v/bob/129"}},
		{"/v1/markets/v/BTC-PERP/adl?side=short", 200, []string{`"cut":7`, `"length":2`, `"entries":[{"owner":"alice"`, `"rank":"0.25"`}},
		{"/v1/markets/v/BTC-PERP/adl?side=short&limit=1", 200, []string{`"length":2`, `"rank":"0.5"}]`}},
		{"/v1/markets/v/BTC-PERP/adl?side=long", 200, []string{`"length":0,"entries":[]`}},
		{"/v1/markets/v/BTC-PERP/adl?side=both", 422, []string{"query.side"}},
		{"/v1/markets/v/BTC-PERP/adl", 422, []string{"side"}},
		{"/v1/markets/v/NONE/adl?side=long", 404, []string{"no market v/NONE"}},
		{"/v1/markets/v/BTC-PERP/adl?side=long&shard=1", 307, nil},
		{"/v1/liquidations?since_seq=3", 200, []string{`{"id":"0-1-0","seq":4,"kind":"MarginCall"},`, `"nextSinceSeq":5`}},
		{"/v1/liquidations?since_seq=5", 200, []string{`"announcements":[]`, `"nextSinceSeq":5`}},
		{"/v1/liquidations?limit=2", 200, []string{`"nextSinceSeq":2`}},
		{"/v1/liquidations?limit=0", 422, nil},
		{"/v1/shards/0/snapshots", 200, []string{`"name":"shard-000-cut-7"`, `"cut":7`, `"hash":"ab00`, `"liabilities":"10.5","receivables":"0"`, `"damaged":["half a manifest"]`}},
		{"/v1/shards/1/snapshots", 307, []string{"shard 1 is held by http://other:8080"}},
		{"/v1/shards/2/snapshots", 503, nil},
		{"/healthz", 200, []string{"ok"}},
		{"/readyz", 200, []string{"ready"}},
		{"/none", 404, nil},
	} {
		res, body := get(t, s.URL+c.path)
		if res.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d: %s", c.path, res.StatusCode, c.status, body)
		}
		for _, want := range c.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: got %s\nwant %s", c.path, body, want)
			}
		}
		if strings.HasPrefix(c.path, "/v1") && c.status != 200 {
			if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("%s: content type %q", c.path, got)
			}
		}
		if c.status == 307 && res.Header.Get("Location") != "http://other:8080"+c.path {
			t.Errorf("%s: location %q", c.path, res.Header.Get("Location"))
		}
		if c.status == 503 && strings.HasPrefix(c.path, "/v1") && res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", c.path)
		}
	}
	if n := f.open.Load(); n != 0 {
		t.Errorf("%d cuts were left open", n)
	}
	_, metrics := get(t, s.URL+"/metrics")
	if want := `ledger_http_requests_total{operation="get-account",status="307"} 1`; !strings.Contains(metrics, want) {
		t.Errorf("metrics have no %s", want)
	}
}

func TestTakeSnapshot(t *testing.T) {
	f := &fake{}
	f.cut.Store(7)
	s := serve(t, f)
	post := func(path string, status int, want string) {
		t.Helper()
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := client.Post(s.URL+path, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != status || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s, %v; want %d %s", path, res.StatusCode, body, err, status, want)
		}
		if status == 307 && res.Header.Get("Location") != "http://other:8080"+path {
			t.Errorf("%s: location %q", path, res.Header.Get("Location"))
		}
	}
	post("/v1/shards/0/snapshots", 200, `"snapshot":{"name":"shard-000-cut-7"`)
	post("/v1/shards/0/snapshots?min_cut=7", 200, `"cut":7`)
	post("/v1/shards/0/snapshots?min_cut=8", 503, "asked for at least 8")
	post("/v1/shards/1/snapshots", 307, "http://other:8080")
	post("/v1/shards/2/snapshots", 503, "being taken over")
	post("/v1/shards/3/snapshots", 500, "on fire")
	post("/v1/shards/-1/snapshots", 422, "path.shard")
	f.notReady = []string{"x"}
	post("/v1/shards/0/snapshots", 404, "no place for snapshots")
	if n := f.open.Load(); n != 0 {
		t.Errorf("%d cuts were left open", n)
	}
}

func TestNotReady(t *testing.T) {
	res, body := get(t, serve(t, &fake{notReady: []string{"shard 1: waits for ex.marks.v1/0"}}).URL+"/readyz")
	if res.StatusCode != 503 || body != "shard 1: waits for ex.marks.v1/0\n" {
		t.Errorf("%d: %s", res.StatusCode, body)
	}
}

func TestOpenAPI(t *testing.T) {
	_, body := get(t, serve(t, &fake{}).URL+"/openapi.json")
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/accounts/{venue}/{owner}/{sub}", "/v1/accounts/{venue}/{owner}/{sub}/family", "/v1/markets/{venue}/{market}", "/v1/markets/{venue}/{market}/adl", "/v1/liquidations"} {
		if doc.Paths[path]["get"] == nil {
			t.Errorf("no GET %s in the document", path)
		}
	}
	if !strings.Contains(body, `"format":"decimal"`) {
		t.Error("decimals have no format")
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- api.Serve(ctx, l, api.Pprof()) }()
	if res, _ := get(t, "http://"+l.Addr().String()+"/debug/pprof/cmdline"); res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
