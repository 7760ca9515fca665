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

// service is the product as it is: `ledger run`, a new process for each lap, with everything that it always does. It also
// reads the venue's rules and marks, and its outputs are its own announcements: they are not those of the reduced task.
type service struct {
	binary string
}

func (s *service) lap(ctx context.Context, b *bench, number int) (_ *Lap, err error) {
	prefix := fmt.Sprintf("%sledger-%d-", b.prefix, number)
	dir := filepath.Join(b.dir, prefix)
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	config, err := b.ledgerConfig(prefix, dir, address)
	if err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, s.binary, "topics", "create", "-c", config).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make the ledger's topics: %w: %s", err, out)
	}
	p, err := start("ledger", []string{s.binary, "run", "-c", config}, true)
	if err != nil {
		return nil, err
	}
	lap, err := s.measure(ctx, p, b, "http://"+address)
	if err != nil {
		p.kill()
		return nil, err
	}
	if err := p.end(syscall.SIGTERM); err != nil {
		return nil, err
	}
	lap.Digest, err = b.judgeLedger(ctx, prefix, filepath.Join(dir, "data"), lap)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return lap, b.dropLedger(ctx, prefix)
}

// ledgerConfig writes the configuration of a ledger on the preloaded input.
func (b *bench) ledgerConfig(prefix, dir, address string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the ledger's directory: %w", err)
	}
	path := filepath.Join(dir, "ledger.yaml")
	text := fmt.Sprintf("brokers: [%s]\ngroup: %sgroup\ntopicPrefix: %s\nshards: %d\nreplication: 1\nminInsync: 1\ndataDir: %q\ncut: {maxAge: %v, maxRecords: %d}\nhttp: {address: %q}\ntopics:\n",
		strings.Join(b.brokers, ", "), prefix, prefix, b.in.partitions, filepath.Join(dir, "data"), b.interval, maxCut, address)
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

// measure measures from the first shard's fence, after which it fetches, until every shard has stored what follows from
// the last fact.
func (s *service) measure(ctx context.Context, p *process, b *bench, url string) (*Lap, error) {
	if err := p.await(ctx, `"msg":"term begins"`); err != nil {
		return nil, err
	}
	from, err := p.clock()
	if err != nil {
		return nil, err
	}
	if err := b.ledgerThrough(ctx, p, url); err != nil {
		return nil, err
	}
	to, err := p.clock()
	return lapOf(from, to), err
}

func (b *bench) ledgerThrough(ctx context.Context, p *process, url string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		have, err := consumed(ctx, url)
		if err != nil {
			return err
		}
		through := 0
		for shard, n := range have {
			if n >= b.in.counts[shard]+b.in.side {
				through++
			}
		}
		if through == len(b.in.counts) {
			return nil
		}
		if err := p.failure(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for the ledger, which has consumed %v of %v: %w", have, b.in.counts, ctx.Err())
		}
	}
}

// consumed asks the ledger how many records each of its shards has stored.
func consumed(ctx context.Context, url string) (map[int32]int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the ledger: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("ask the ledger: %w", err)
	}
	have := make(map[int32]int64)
	for line := range strings.Lines(string(text)) {
		rest, found := strings.CutPrefix(line, `ledger_records{shard="`)
		if !found {
			continue
		}
		shard, value, _ := strings.Cut(strings.TrimSpace(rest), `"} `)
		id, err1 := strconv.ParseInt(shard, 10, 32)
		n, err2 := strconv.ParseFloat(value, 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("the ledger's metrics: %w", err)
		}
		have[int32(id)] = int64(n)
	}
	return have, nil
}

// judgeLedger compares the ledger's accounts with the reference's: every position's size, and the equity at the marks,
// which is cash and positions together. Its announcements are counted.
func (b *bench) judgeLedger(ctx context.Context, prefix, dataDir string, l *Lap) (string, error) {
	dead := ""
	if err := b.announcements(ctx, prefix, func(o *events.Output) {
		l.Outputs++
		if o.Kind == events.KindDeadLetter && dead == "" {
			dead = fmt.Sprintf("%s: %s %s", o.EventID, o.Reason, o.Detail)
		}
	}); err != nil {
		return "", err
	}
	if dead != "" {
		return "", fmt.Errorf("a fact became a dead letter: %s", dead)
	}
	at := decimal.New(mark, -task.PriceScale)
	var have, want outcome
	for owner, k := range b.in.books {
		want.accounts = append(want.accounts, k.held(owner, k.equity(&at)))
	}
	var shard *projector.Shard
	err := eachRow(dataDir, b.in.partitions, func(id int32, r projector.Row) error {
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
			have.accounts = append(have.accounts, ledgerLine(owner, loaded.Account(venue, owner, sub)))
		})
		return nil
	})
	if err != nil {
		return "", err
	}
	have.sort()
	want.sort()
	return have.digest(), have.same(&want)
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

func (*service) close() error { return nil }
