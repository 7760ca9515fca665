package bench

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"marginledger/events"
	"marginledger/internal/config"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/store"
	"marginledger/projector"
	"marginledger/snapshot"
	"marginledger/snapshot/sumtree"
)

// million is a state as large as the figures of snapshots mean it: 2.8 positions an account, owners that are addresses,
// and amounts whose digits no compression finds a pattern in.
type million struct {
	*fold
	rng      *rand.Rand
	markets  []string
	popular  *rand.Zipf
	accounts int
	owners   []string
}

func newMillion(accounts int) *million {
	m := &million{fold: newFold(), rng: rand.New(rand.NewPCG(17, 19)), accounts: accounts}
	for i := range 200 {
		m.markets = append(m.markets, fmt.Sprintf("M%03d-PERP", i))
	}
	m.popular = rand.NewZipf(m.rng, 1.2, 2, uint64(len(m.markets)-1))
	return m
}

// fill folds the facts that make the state.
func (m *million) fill(r *run) error {
	w := &world{markets: m.markets}
	if err := w.found(m.apply); err != nil {
		return err
	}
	for i := range m.accounts {
		if i%max(m.accounts/4, 1) == 0 {
			r.say("%d of %d accounts", i, m.accounts)
			if err := m.funding(); err != nil {
				return err
			}
		}
		if err := m.open(); err != nil {
			return err
		}
		if i%4096 == 0 && r.ctx.Err() != nil {
			return fmt.Errorf("interrupted: %w", r.ctx.Err())
		}
	}
	return nil
}

func (m *million) funding() error {
	for _, name := range m.markets {
		err := m.apply("", &events.FundingRate{Market: name, Rate: number(m.rng.Int64N(2e5)-1e5, 9), Price: number(firstPrice+m.rng.Int64N(100), priceScale)})
		if err != nil {
			return err
		}
	}
	return nil
}

// open makes up an account: 10, 25, 40 and 25 % have 1, 2, 3 and 4 positions.
func (m *million) open() error {
	var address [20]byte
	for i := range address {
		address[i] = byte(m.rng.Uint32())
	}
	owner := "0x" + hex.EncodeToString(address[:])
	m.owners = append(m.owners, owner)
	if err := m.apply(owner, &events.Deposit{Asset: asset, Amount: number(1e12+m.rng.Int64N(1e13), 6)}); err != nil {
		return err
	}
	positions := 1
	for _, share := range []int{90, 72, 38} {
		if m.rng.IntN(100) >= share {
			break
		}
		positions++
	}
	var held []string
	for len(held) < positions {
		market := m.markets[m.popular.Uint64()]
		if slices.Contains(held, market) {
			continue
		}
		held = append(held, market)
		for range 1 + m.rng.IntN(2) { // an entry of more than one price
			err := m.apply(owner, &events.Fill{Market: market, Leg: events.LegNet, Side: events.Buy + events.Side(m.rng.IntN(2)),
				Size: number(1+m.rng.Int64N(500_000), sizeScale), Price: number(firstPrice-500+m.rng.Int64N(1000), priceScale),
				Fee: number(m.rng.Int64N(1e9), 6), FeeAsset: asset, TradeID: "t-000000001", OrderID: "o-000000001", Liquidity: events.Taker, Reason: events.ReasonTrade})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// snapshots is what it takes to take a snapshot of a large state, and to start from one.
var snapshots = benchmark{
	figures: []Figure{
		{Name: "snapshot_1m_s", Unit: "s", Goal: "< 5", Note: "1M accounts, 2.8M positions, from Pebble to a directory, with its Merkle-sum root, until it is read back and has its manifest; median of three"},
		{Name: "snapshot_1m_mb", Unit: "MB", Goal: "< 120", Note: "its file, 10^6 bytes each"},
		{Name: "snapshot_pause_ms", Unit: "ms", Goal: "< 10", Note: "longest time in which a fold at full speed folds nothing while such a snapshot is taken, by the process's CPU clock; least of three snapshots"},
		{Name: "restore_1m_s", Unit: "s", Goal: "< 4", Note: "from that directory to a verified state in memory that goes on folding, and its copy in a new Pebble; median of three"},
	},
	measure: measureSnapshots,
}

func measureSnapshots(r *run) (map[string]float64, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(config.Default().Memory.GCPercent)) // as the service has it
	m := newMillion(r.size(1_000_000, 20_000))
	if err := m.fill(r); err != nil {
		return nil, err
	}
	st, err := store.Open(r.path("store"), store.Options{DedupeWindow: projector.DefaultDedupeWindow})
	if err != nil {
		return nil, err
	}
	defer st.Close()
	if err := m.save(st); err != nil {
		return nil, err
	}
	t := m.shard.Totals()
	r.say("%d accounts, %d positions", t.Accounts, t.Positions)
	key, err := sumtree.NewKey(make([]byte, sumtree.MinKeyBytes))
	if err != nil {
		return nil, err
	}
	var took []float64
	var last *snapshot.Manifest
	for i := range 3 {
		view, err := st.View()
		if err != nil {
			return nil, err
		}
		begun, cpu := time.Now(), cpuTime()
		last, err = snapshot.Take(r.ctx, snapshot.Dir(r.path(fmt.Sprint("snapshots-", i))), view, snapshot.TakeOptions{Key: key, Now: begun})
		if err != nil {
			return nil, err
		}
		took = append(took, time.Since(begun).Seconds())
		r.say("taken in %.2f s, %.2f s of CPU: %d rows, %d bytes, %d in the file", took[i], (cpuTime() - cpu).Seconds(), last.Rows, last.BodyBytes, last.FileBytes)
		if err := view.Close(); err != nil {
			return nil, err
		}
	}
	values := map[string]float64{"snapshot_1m_s": median(took), "snapshot_1m_mb": float64(last.FileBytes) / 1e6}
	n := m.shard.Counters().N
	if r.wanted("snapshot_pause_ms") {
		if values["snapshot_pause_ms"], err = r.measurePause(m, st, key); err != nil {
			return nil, err
		}
	}
	m.fold = nil // A process that starts has no state yet.
	if r.wanted("restore_1m_s") {
		values["restore_1m_s"], err = r.measureRestore(last, n)
	}
	return values, err
}

// measurePause folds fills at full speed while snapshots are taken, and returns the longest time between two of them
// that snapshots cost: the longest beside a snapshot, the least of three. Time is that of the process's CPU clock, which
// stands still while the system runs others: what is left are waits for locks and for goroutines of our own.
func (r *run) measurePause(m *million, st *store.Store, key *sumtree.Key) (float64, error) {
	w := &world{rng: m.rng, popular: m.popular, markets: m.markets}
	var least time.Duration
	for i := range 3 {
		alone, err := m.standstill(w, func(n int) bool { return n >= 200_000 })
		if err != nil {
			return 0, err
		}
		var done atomic.Bool
		taken := make(chan error, 1)
		go func() {
			defer done.Store(true)
			view, err := st.View()
			if err == nil {
				_, err = snapshot.Take(r.ctx, snapshot.Dir(r.path(fmt.Sprint("pause-", i))), view, snapshot.TakeOptions{Key: key, Now: time.Now()})
				err = errors.Join(err, view.Close())
			}
			taken <- err
		}()
		beside, err := m.standstill(w, func(int) bool { return done.Load() })
		if err := errors.Join(err, <-taken); err != nil {
			return 0, err
		}
		r.say("longest standstill of the fold: alone %v, beside a snapshot %v", alone, beside)
		if i == 0 || beside < least {
			least = beside
		}
	}
	return least.Seconds() * 1e3, nil
}

// standstill folds until it is told to end, and returns the longest time between two records.
func (m *million) standstill(w *world, end func(n int) bool) (longest time.Duration, err error) {
	last := cpuTime()
	for n := 0; !end(n); n++ {
		if err := m.apply(m.owners[m.rng.IntN(len(m.owners))], w.tradeIn(w.market())); err != nil {
			return 0, err
		}
		if n%1024 == 0 {
			m.shard.TakeChanged(func(projector.Row) {})
		}
		now := cpuTime()
		longest = max(longest, now-last)
		last = now
	}
	return longest, nil
}

// measureRestore starts from a snapshot three times.
func (r *run) measureRestore(last *snapshot.Manifest, n uint64) (float64, error) {
	var took []float64
	for i := range 3 {
		runtime.GC()
		st, err := store.Open(r.path(fmt.Sprint("restored-", i)), store.Options{DedupeWindow: projector.DefaultDedupeWindow})
		if err != nil {
			return 0, err
		}
		begun, cpu := time.Now(), cpuTime()
		state, err := pipeline.Restore(r.ctx, snapshot.Dir(r.path("snapshots-2")), last, st)
		if err != nil {
			return 0, errors.Join(err, st.Close())
		}
		took = append(took, time.Since(begun).Seconds())
		r.say("restored in %.2f s, %.2f s of CPU", took[i], (cpuTime() - cpu).Seconds())
		if got := state.Fold.Counters().N; got != n {
			err = fmt.Errorf("the restored state has consumed %d records, not %d", got, n)
		}
		if err := errors.Join(err, st.Close()); err != nil {
			return 0, err
		}
	}
	return median(took), nil
}

// save stores the state as the pipeline would.
func (f *fold) save(st *store.Store) error {
	batch := st.NewBatch()
	var err error
	f.shard.EachRow(func(row projector.Row) {
		if err != nil {
			return
		}
		batch.Row(row.Key, row.Value)
		if batch.Bytes() >= 4<<20 {
			err = batch.Commit(nil)
			batch = st.NewBatch()
		}
	})
	if err != nil {
		return err
	}
	f.shard.TakeChanged(func(projector.Row) {})
	return batch.Commit(&orderlog.Head{DedupeWindow: projector.DefaultDedupeWindow, Rules: "bench", Cut: 1, Counters: f.shard.Counters()})
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
