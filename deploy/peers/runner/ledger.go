package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/shopspring/decimal"

	"marginledger/events"
	"marginledger/peers/task"
	"marginledger/projector"
)

// maxCut is the largest cut that the ledger allows: so large that it is the commit interval that closes cuts.
const maxCut = 50_000

// service is the product as it is: `ledger run`, a new process for each pass, with everything that it always does. It also
// reads the venue's rules and marks, and its outputs are its own announcements: they are not those of the reduced task.
type service struct {
	*process
	binary string
	prefix string // of this pass's topics
	dir    string
	url    string
	// announced are the announcements of the first pass, to the byte: those of every other must be the same.
	announced []string
}

func (s *service) begin(ctx context.Context, b *bench, pass string) error {
	s.prefix = fmt.Sprintf("%sledger-%s-", b.prefix, pass)
	s.dir = filepath.Join(b.dir, s.prefix)
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return fmt.Errorf("make the ledger's directory: %w", err)
	}
	config, err := s.configure(b)
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, s.binary, "topics", "create", "-c", config).CombinedOutput(); err != nil {
		return fmt.Errorf("make the ledger's topics: %w: %s", err, out)
	}
	return s.resume(ctx, b)
}

// resume starts the process. Its first shard's fence, after which it fetches, counts as the first fact.
func (s *service) resume(ctx context.Context, b *bench) error {
	config, err := s.configure(b)
	if err != nil {
		return err
	}
	if s.process, err = start("ledger", []string{s.binary, "run", "-c", config}, true); err != nil {
		return err
	}
	_, err = s.await(ctx, `"msg":"term begins"`)
	return err
}

func (s *service) kill() {
	s.process.kill()
	s.process = nil
}

func (s *service) finish(ctx context.Context, b *bench) (have, want *outcome, err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	err = s.end(syscall.SIGTERM)
	s.process = nil
	if err != nil {
		return nil, nil, err
	}
	have, want = new(outcome), new(outcome)
	if have.alerts, err = b.announced(ctx, s.prefix); err != nil {
		return nil, nil, fmt.Errorf("ledger: %w", err)
	}
	if have.accounts, err = b.ledgerAccounts(filepath.Join(s.dir, "data")); err != nil {
		return nil, nil, fmt.Errorf("ledger: %w", err)
	}
	at := decimal.New(mark, -task.PriceScale)
	for owner, k := range b.in.books {
		want.accounts = append(want.accounts, k.held(owner, k.equity(&at)))
	}
	have.sort()
	want.sort()
	if s.announced == nil {
		s.announced = have.alerts
	}
	want.alerts = s.announced
	return have, want, b.dropLedger(ctx, s.prefix)
}

func (s *service) close() error {
	if s.process != nil {
		s.process.kill()
	}
	return nil
}

// configure writes the configuration of a ledger on the preloaded input.
func (s *service) configure(b *bench) (string, error) {
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	s.url = "http://" + address
	path := filepath.Join(s.dir, "ledger.yaml")
	text := fmt.Sprintf("brokers: [%s]\ngroup: %sgroup\ntopicPrefix: %s\nshards: %d\nreplication: 1\nminInsync: 1\ndataDir: %q\ncut: {maxAge: %v, maxRecords: %d}\nhttp: {address: %q}\ntopics:\n",
		strings.Join(b.brokers, ", "), s.prefix, s.prefix, b.in.partitions, filepath.Join(s.dir, "data"), b.interval, maxCut, address)
	for _, t := range []struct {
		name string
		role events.Role
	}{{b.in.rules, events.RoleConfig}, {b.in.facts, events.RoleAccounts}, {b.in.marks, events.RolePrices}} {
		text += fmt.Sprintf("  - {name: %s, role: %v}\n", t.name, t.role)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write the ledger's configuration: %w", err)
	}
	return path, nil
}

func (s *service) half(ctx context.Context, b *bench) error { return s.stored(ctx, b.in.all()/2) }

// through waits until every shard has stored what follows from its last fact.
func (s *service) through(ctx context.Context, b *bench) error { return s.stored(ctx, b.in.all()) }

// all is how many records the ledger's shards consume together: rules and marks are every shard's.
func (in *input) all() int64 { return in.many + int64(in.partitions)*in.side }

func (s *service) stored(ctx context.Context, many int64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		have, err := consumed(ctx, s.url)
		if err != nil {
			return err
		}
		if have >= many {
			return nil
		}
		if err := s.failure(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for the ledger, which has stored %d records, to %d: %w", have, many, ctx.Err())
		}
	}
}

// consumed asks the ledger how many records its shards have stored together.
func consumed(ctx context.Context, url string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask the ledger: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, fmt.Errorf("ask the ledger: %w", err)
	}
	sum := int64(0)
	for line := range strings.Lines(string(text)) {
		rest, found := strings.CutPrefix(line, `ledger_records{shard="`)
		if !found {
			continue
		}
		_, value, _ := strings.Cut(strings.TrimSpace(rest), `"} `)
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("the ledger's metrics: %w", err)
		}
		sum += int64(n)
	}
	return sum, nil
}

// announced returns the ledger's announcements. A dead letter is an error: every fact can be applied.
func (b *bench) announced(ctx context.Context, prefix string) ([]string, error) {
	var lines []string
	dead := ""
	err := b.announcements(ctx, prefix, func(o *events.Output, text []byte) {
		lines = append(lines, string(text))
		if o.Kind == events.KindDeadLetter && dead == "" {
			dead = fmt.Sprintf("%s: %s %s", o.EventID, o.Reason, o.Detail)
		}
	})
	if err == nil && dead != "" {
		err = fmt.Errorf("a fact became a dead letter: %s", dead)
	}
	return lines, err
}

// ledgerAccounts returns the ledger's accounts as they can be compared with the reference's: the size of every position,
// and the equity at the marks, which is cash and positions together.
func (b *bench) ledgerAccounts(dataDir string) (lines []string, err error) {
	var shard *projector.Shard
	err = eachRow(dataDir, b.in.partitions, func(id int32, r projector.Row) error {
		if shard == nil {
			shard = projector.New(projector.Config{Shard: id})
		}
		return shard.LoadRow(r.Key, r.Value)
	}, func(_ int32, c projector.Counters) error {
		loaded := shard
		shard = nil
		if err := loaded.Loaded(c); err != nil {
			return err
		}
		loaded.EachAccount(func(venue, owner string, sub uint32) {
			lines = append(lines, ledgerLine(owner, loaded.Account(venue, owner, sub)))
		})
		return nil
	})
	return lines, err
}

// held is an account as sizes and equity at the marks.
func (k *book) held(owner string, equity decimal.Decimal) string {
	c := &book{cash: equity, positions: make(map[string]*holding)}
	for m, h := range k.positions {
		c.positions[m] = &holding{size: h.size, last: decimal.Zero}
	}
	return c.line(owner)
}

func ledgerLine(owner string, a *projector.AccountFigures) string {
	k := &book{positions: make(map[string]*holding)}
	for _, p := range a.Pools[0].Positions {
		k.positions[p.Market] = &holding{size: p.Size.Decimal()}
	}
	return k.held(owner, a.Pools[0].Equity.Decimal())
}

// freeAddress returns an address that was free a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
