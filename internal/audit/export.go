package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"marginledger/events"
	"marginledger/internal/pipeline"
	"marginledger/internal/table"
	"marginledger/projector"
)

// The tables of an export. Amounts are in units of their asset, DECIMAL(38, 18); times are UTC, in nanoseconds.

// accountRow is a pool of an account at the end of the range.
type accountRow struct {
	Shard       int64          `parquet:"shard"`
	Venue       string         `parquet:"venue,dict"`
	Owner       string         `parquet:"owner"`
	Subaccount  int64          `parquet:"subaccount"`
	Operator    string         `parquet:"operator,dict"`
	MarginType  string         `parquet:"margin_type,dict"`
	Incomplete  bool           `parquet:"incomplete"`
	Pool        string         `parquet:"pool,dict"`
	Equity      *table.Decimal `parquet:"equity,decimal(18:38),optional"`
	Initial     *table.Decimal `parquet:"initial_margin,decimal(18:38),optional"`
	Maintenance *table.Decimal `parquet:"maintenance_margin,decimal(18:38),optional"`
	Unpriced    bool           `parquet:"unpriced"`
	Missing     string         `parquet:"missing,dict"`
	Called      int64          `parquet:"called_levels"`
	Stage       string         `parquet:"stage,dict"`
	Liquidation string         `parquet:"liquidation"`
}

// balanceRow is what a pool held of an asset at the end of the range.
type balanceRow struct {
	Shard      int64         `parquet:"shard"`
	Venue      string        `parquet:"venue,dict"`
	Owner      string        `parquet:"owner"`
	Subaccount int64         `parquet:"subaccount"`
	Pool       string        `parquet:"pool,dict"`
	Asset      string        `parquet:"asset,dict"`
	Amount     table.Decimal `parquet:"amount,decimal(18:38)"`
}

// positionRow is a position at the end of the range.
type positionRow struct {
	Shard       int64          `parquet:"shard"`
	Venue       string         `parquet:"venue,dict"`
	Owner       string         `parquet:"owner"`
	Subaccount  int64          `parquet:"subaccount"`
	Pool        string         `parquet:"pool,dict"`
	Market      string         `parquet:"market,dict"`
	Leg         string         `parquet:"leg,dict"`
	Size        table.Decimal  `parquet:"size,decimal(18:38)"`
	Entry       table.Decimal  `parquet:"entry_cost,decimal(18:38)"`
	Mark        *table.Decimal `parquet:"mark,decimal(18:38),optional"`
	Notional    table.Decimal  `parquet:"notional,decimal(18:38)"`
	Unrealised  table.Decimal  `parquet:"unrealised_pnl,decimal(18:38)"`
	Funding     table.Decimal  `parquet:"unposted_funding,decimal(18:38)"`
	Initial     table.Decimal  `parquet:"initial_margin,decimal(18:38)"`
	Maintenance table.Decimal  `parquet:"maintenance_margin,decimal(18:38)"`
	Tier        int64          `parquet:"tier"`
}

// postingRow is one line of double entry of the range: lines of a record sum to zero per asset.
type postingRow struct {
	Shard      int64         `parquet:"shard"`
	N          int64         `parquet:"n"`
	Cut        int64         `parquet:"cut"`
	Time       int64         `parquet:"time,timestamp(nanosecond)"`
	Topic      string        `parquet:"topic,dict"`
	Partition  int64         `parquet:"partition"`
	Offset     int64         `parquet:"offset"`
	Event      string        `parquet:"event_id"`
	Type       string        `parquet:"event_type,dict"`
	Cause      string        `parquet:"cause,dict"`
	Venue      string        `parquet:"venue,dict"`
	Owner      string        `parquet:"owner"` // "": a system account
	Subaccount int64         `parquet:"subaccount"`
	Pool       string        `parquet:"pool,dict"`
	System     string        `parquet:"system_account,dict"` // "": of an owner
	Asset      string        `parquet:"asset,dict"`
	Market     string        `parquet:"market,dict"`
	Amount     table.Decimal `parquet:"amount,decimal(18:38)"`
}

// liquidationRow is an announcement of the liquidations topic, of the range.
type liquidationRow struct {
	Shard       int64          `parquet:"shard"`
	N           int64          `parquet:"n"`
	Seq         int64          `parquet:"seq"`
	ID          string         `parquet:"id"`
	Kind        string         `parquet:"kind,dict"`
	Time        string         `parquet:"time"` // RFC 3339
	Topic       string         `parquet:"topic,dict"`
	Partition   int64          `parquet:"partition"`
	Offset      int64          `parquet:"offset"`
	Event       string         `parquet:"event_id"`
	Type        string         `parquet:"event_type,dict"`
	Venue       string         `parquet:"venue,dict"`
	Profile     string         `parquet:"profile,dict"`
	Owner       string         `parquet:"owner"`
	Subaccount  int64          `parquet:"subaccount"`
	Pool        string         `parquet:"pool,dict"`
	Liquidation string         `parquet:"liquidation"`
	Stage       string         `parquet:"stage,dict"`
	Level       *table.Decimal `parquet:"level,decimal(18:38),optional"`
	Equity      *table.Decimal `parquet:"equity,decimal(18:38),optional"`
	Initial     *table.Decimal `parquet:"initial_margin,decimal(18:38),optional"`
	Maintenance *table.Decimal `parquet:"maintenance_margin,decimal(18:38),optional"`
	Incomplete  bool           `parquet:"incomplete"`
	Stale       bool           `parquet:"stale"`
	Value       string         `parquet:"announcement"` // the whole, as JSON
}

// ExportOptions say what is exported.
type ExportOptions struct {
	From     *Point // postings and liquidations behind it; nil: from the beginning of what is there
	To       Point
	Shards   []int32
	Format   table.Format
	Dir      string
	Progress Progress
}

// Export is what was exported, and lies in export.json beside the tables.
type Export struct {
	Where  string           `json:"where"`
	From   string           `json:"from"`
	To     string           `json:"to"`
	Cuts   []When           `json:"cuts"`
	Tables map[string]int64 `json:"tables"` // rows by file
}

// String is the export for people.
func (e *Export) String() string {
	var b strings.Builder
	for i := range e.Cuts {
		b.WriteString(e.Cuts[i].String())
	}
	for _, name := range []string{"accounts", "balances", "positions", "postings", "liquidations"} {
		for file, rows := range e.Tables { // unordered: one has the name
			if strings.HasPrefix(file, name+".") {
				fmt.Fprintf(&b, "  %-24s %d rows\n", file, rows)
			}
		}
	}
	return b.String()
}

// exporter writes the tables.
type exporter struct {
	accounts     *table.Writer[accountRow]
	balances     *table.Writer[balanceRow]
	positions    *table.Writer[positionRow]
	postings     *table.Writer[postingRow]
	liquidations *table.Writer[liquidationRow]

	shard int32
	from  bound
	cut   uint64
	text  []byte
	row   postingRow
	liq   liquidationRow
}

// Export writes accounts, balances and positions at the end of a range, and the postings and liquidations in it.
func (p *Past) Export(ctx context.Context, o ExportOptions) (_ *Export, err error) {
	shards, err := p.Shards(ctx, o.Shards)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	x := &exporter{}
	if err := x.create(o.Dir, o.Format); err != nil {
		return nil, err
	}
	out := &Export{Where: p.Where, From: "beginning", To: o.To.String(), Cuts: []When{}, Tables: map[string]int64{}}
	if o.From != nil {
		out.From = o.From.String()
	}
	for _, shard := range shards {
		m, err := x.export(ctx, p, shard, &o)
		if err != nil {
			return nil, errors.Join(err, x.close(o.Format, out.Tables))
		}
		out.Cuts = append(out.Cuts, m.When())
	}
	if err := x.close(o.Format, out.Tables); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, err
	}
	return out, os.WriteFile(filepath.Join(o.Dir, "export.json"), append(text, '\n'), 0o644)
}

func (x *exporter) create(dir string, f table.Format) (err error) {
	path := func(name string) string { return filepath.Join(dir, name) }
	if x.accounts, err = table.Create[accountRow](path("accounts"), f); err != nil {
		return err
	}
	if x.balances, err = table.Create[balanceRow](path("balances"), f); err != nil {
		return err
	}
	if x.positions, err = table.Create[positionRow](path("positions"), f); err != nil {
		return err
	}
	if x.postings, err = table.Create[postingRow](path("postings"), f); err != nil {
		return err
	}
	x.liquidations, err = table.Create[liquidationRow](path("liquidations"), f)
	return err
}

func (x *exporter) close(f table.Format, rows map[string]int64) error {
	name := func(of string) string { return of + "." + string(f) }
	rows[name("accounts")], rows[name("balances")], rows[name("positions")] = x.accounts.Rows(), x.balances.Rows(), x.positions.Rows()
	rows[name("postings")], rows[name("liquidations")] = x.postings.Rows(), x.liquidations.Rows()
	return errors.Join(x.accounts.Close(), x.balances.Close(), x.positions.Close(), x.postings.Close(), x.liquidations.Close())
}

// export folds one shard.
func (x *exporter) export(ctx context.Context, p *Past, shard int32, o *ExportOptions) (*Moment, error) {
	from, err := p.oldest(ctx, shard)
	if err != nil {
		return nil, err
	}
	if o.From != nil {
		m, err := p.At(ctx, shard, *o.From, o.Progress)
		if err != nil {
			return nil, err
		}
		x.from = bound{n: m.N}
		if from, err = p.beginFor(ctx, shard, *o.From); err != nil {
			return nil, err
		}
	} else {
		x.from = bound{}
	}
	x.shard, x.cut = shard, from.cut()+1
	m, err := p.walk(ctx, shard, o.To, walkOptions{from: &from, postings: true, progress: o.Progress, after: x.record,
		cut: func(f *pipeline.FoldedCut) error {
			x.cut = f.Entry.Number + 1
			return nil
		}})
	if err != nil {
		return nil, err
	}
	if m.N < x.from.n {
		return nil, usage("%v lies before %v", o.To, o.From)
	}
	return m, m.Fold.EachPool(x.pool)
}

// record writes a record's postings and announcements.
func (x *exporter) record(r *projector.Record, fx *projector.Effects, _ *projector.Shard) error {
	if fx.N <= x.from.n {
		return nil
	}
	for i := range fx.Outputs {
		if o := &fx.Outputs[i]; o.Kind.Stream() == events.StreamLiquidations {
			if err := x.liquidation(o); err != nil {
				return err
			}
		}
	}
	for i := range fx.Postings {
		if err := x.posting(r, fx.N, &fx.Postings[i]); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) posting(r *projector.Record, n uint64, p *projector.Posting) (err error) {
	x.row = postingRow{Shard: int64(x.shard), N: int64(n), Cut: int64(x.cut), Topic: r.Source.Topic, Partition: int64(r.Source.Partition), Offset: r.Offset,
		Cause: p.Cause.String(), Venue: p.Venue, Owner: p.Owner, Subaccount: int64(p.Subaccount), Pool: p.Pool, Asset: p.Asset, Market: p.Market}
	if p.Owner == "" {
		x.row.System = p.Account
	}
	if r.Event != nil {
		x.row.Event, x.row.Type, x.row.Time = r.Event.ID, r.Event.Type.String(), r.Event.Time
	}
	if x.row.Amount, err = table.DecimalOf(p.Amount); err != nil {
		return err
	}
	return x.postings.Add(&x.row)
}

func (x *exporter) liquidation(o *events.Output) error {
	x.text = o.AppendJSON(x.text[:0])
	x.liq = liquidationRow{Shard: int64(x.shard), N: int64(o.N), Seq: int64(o.Seq), ID: o.ID, Kind: o.Kind.String(), Time: o.Time, Topic: o.Source.Topic,
		Partition: int64(o.Source.Partition), Offset: o.Source.Offset, Event: o.EventID, Type: o.Type, Venue: o.Venue, Profile: o.Profile, Owner: o.Owner,
		Subaccount: int64(o.Subaccount), Pool: o.Pool, Liquidation: o.Liquidation, Incomplete: o.Incomplete, Stale: o.Stale, Value: string(x.text)}
	if o.Stage != events.StageNone {
		x.liq.Stage = o.Stage.String()
	}
	err := optionals([]events.Number{o.Level, o.Equity, o.Initial, o.Maintenance}, &x.liq.Level, &x.liq.Equity, &x.liq.Initial, &x.liq.Maintenance)
	if err != nil {
		return err
	}
	return x.liquidations.Add(&x.liq)
}

// pool writes a pool's rows at the end of the range.
func (x *exporter) pool(p *projector.PoolState) error {
	row := accountRow{Shard: int64(x.shard), Venue: p.Venue, Owner: p.Owner, Subaccount: int64(p.Subaccount), Operator: p.Operator, MarginType: p.MarginType.String(),
		Incomplete: p.Incomplete, Pool: p.Pool, Unpriced: p.Unpriced, Missing: p.Missing, Called: int64(p.Called), Stage: p.Stage.String(), Liquidation: p.Liquidation}
	if err := optionals([]events.Number{p.Equity, p.Initial, p.Maintenance}, &row.Equity, &row.Initial, &row.Maintenance); err != nil {
		return err
	}
	if err := x.accounts.Add(&row); err != nil {
		return err
	}
	for _, m := range p.Money {
		b := balanceRow{Shard: row.Shard, Venue: p.Venue, Owner: p.Owner, Subaccount: row.Subaccount, Pool: p.Pool, Asset: m.Asset}
		if err := decimals([]events.Number{events.NumberOf(m.Amount, m.Scale)}, &b.Amount); err != nil {
			return err
		}
		if err := x.balances.Add(&b); err != nil {
			return err
		}
	}
	for i := range p.Positions {
		q := &p.Positions[i]
		r := positionRow{Shard: row.Shard, Venue: p.Venue, Owner: p.Owner, Subaccount: row.Subaccount, Pool: p.Pool, Market: q.Market, Leg: q.Leg.String(), Tier: int64(q.Tier)}
		err := decimals([]events.Number{q.Size, q.Entry, q.Notional, q.Unrealised, q.Funding, q.Initial, q.Margin},
			&r.Size, &r.Entry, &r.Notional, &r.Unrealised, &r.Funding, &r.Initial, &r.Maintenance)
		if err = errors.Join(err, optionals([]events.Number{q.Mark}, &r.Mark)); err != nil {
			return err
		}
		if err := x.positions.Add(&r); err != nil {
			return err
		}
	}
	return nil
}

func decimals(from []events.Number, to ...*table.Decimal) (err error) {
	for i, n := range from {
		if *to[i], err = table.DecimalOf(n); err != nil {
			return err
		}
	}
	return nil
}

// optionals leaves null what is absent.
func optionals(from []events.Number, to ...**table.Decimal) error {
	for i, n := range from {
		if !n.Present {
			continue
		}
		d, err := table.DecimalOf(n)
		if err != nil {
			return err
		}
		*to[i] = &d
	}
	return nil
}
