package projector_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"math/big"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/projector"
)

const (
	formatPage   = "../docs/formats/rows.md"
	formatGolden = "testdata/rows.golden"
)

// TestRowFormat takes the rows of a story that has every kind of row apart, field by field, by the
// tables of docs/formats/rows.md, and compares them with testdata/rows.golden. With -rewrite it
// writes the golden file anew; read the diff, and say in the changelog what changed.
func TestRowFormat(t *testing.T) {
	page := readFormatPage(t)
	var out bytes.Buffer
	seen := map[string]bool{}
	formatStory(t).EachRow(func(r projector.Row) { page.describe(t, &out, r, seen) })
	for name, table := range page.tables {
		for _, f := range table.fields {
			if !seen[name+"."+f.name] {
				t.Errorf("no row of the story has %s.%s, or the page has a field too many", name, f.name)
			}
		}
	}
	if flag.Lookup("rewrite").Value.String() == "true" { // datadriven has the flag
		if err := os.WriteFile(formatGolden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(formatGolden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("the format of rows has changed: compare with -rewrite\n%s", out.Bytes())
	}
}

// TestRowsStayReadable: the rows of the golden files load; those of this version come out as the
// same bytes, those of version 1 as rows that a second shard reads to the same state.
func TestRowsStayReadable(t *testing.T) {
	rows := goldenRows(t, formatGolden)
	if got := emitted(t, rows); !equalRows(got, rows) {
		t.Errorf("the golden rows come out as %x", got)
	}
	old := goldenRows(t, "testdata/rows-v1.golden")
	if old[0].Value[0] != 1 {
		t.Fatalf("version %d in the file of version 1", old[0].Value[0])
	}
	once := emitted(t, old)
	if len(once) != len(old) || !equalRows(emitted(t, once), once) {
		t.Errorf("rows of version 1 come out as %x", once)
	}
}

func goldenRows(t *testing.T, file string) (rows []projector.Row) {
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(golden), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		if text, ok := strings.CutPrefix(line, "key "); ok {
			rows = append(rows, projector.Row{Key: parseHex(t, text)})
			continue
		}
		if f := strings.Fields(line); len(f) > 1 && f[1] != "·" {
			r := &rows[len(rows)-1]
			r.Value = append(r.Value, parseHex(t, f[1])...)
		}
	}
	return rows
}

// emitted loads rows into a shard and returns what it writes.
func emitted(t *testing.T, rows []projector.Row) (out []projector.Row) {
	s := projector.New(projector.Config{})
	for _, r := range rows {
		if err := s.LoadRow(r.Key, r.Value); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Loaded(projector.Counters{N: 1}); err != nil {
		t.Fatal(err)
	}
	s.EachRow(func(r projector.Row) {
		out = append(out, projector.Row{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)})
	})
	return out
}

func equalRows(a, b []projector.Row) bool {
	return slices.EqualFunc(a, b, func(x, y projector.Row) bool { return bytes.Equal(x.Key, y.Key) && bytes.Equal(x.Value, y.Value) })
}

func parseHex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

// formatPageTables are the tables of the page: what a row, or a part of one, is made of.
type formatPageTables struct {
	tables map[string]*formatTable
	kinds  map[byte]string
}

type formatTable struct {
	key    []string // "venue name", …; nil for parts of rows
	fields []formatField
}

type formatField struct{ name, typ, unless string } // absent where the bool unless is 0

var (
	formatHeading = regexp.MustCompile(`^##+ (\w+)$`)
	formatKey     = regexp.MustCompile(`^Key: 0x([0-9a-f]{2}), ([\w, ]+)\.`)
	formatRow     = regexp.MustCompile(`^\| (\w+) \| ([\w ]+) \|`)
)

func readFormatPage(t *testing.T) *formatPageTables {
	text, err := os.ReadFile(formatPage)
	if err != nil {
		t.Fatal(err)
	}
	p := &formatPageTables{tables: map[string]*formatTable{}, kinds: map[byte]string{}}
	var name string
	for _, line := range strings.Split(string(text), "\n") {
		if m := formatHeading.FindStringSubmatch(line); m != nil {
			name = m[1]
			continue
		}
		if name == "" || name == "Types" || name == "Kinds" {
			continue
		}
		table := p.tables[name]
		if table == nil {
			table = &formatTable{}
		}
		if m := formatKey.FindStringSubmatch(line); m != nil {
			table.key = strings.Split(m[2], ", ")
			p.kinds[parseHex(t, m[1])[0]] = name
			p.tables[name] = table
		} else if m := formatRow.FindStringSubmatch(line); m != nil && m[1] != "field" {
			typ, unless, _ := strings.Cut(m[2], " if ")
			table.fields = append(table.fields, formatField{m[1], typ, unless})
			p.tables[name] = table
		}
	}
	return p
}

// describe writes a row: its key, then a line a field with its bytes and what they mean.
func (p *formatPageTables) describe(t *testing.T, out *bytes.Buffer, r projector.Row, seen map[string]bool) {
	name := p.kinds[r.Key[0]]
	table := p.tables[name]
	if table == nil {
		t.Fatalf("the page has no row of kind %#x", r.Key[0])
	}
	fmt.Fprintf(out, "# %s", name)
	rest := r.Key[1:]
	for _, part := range table.key {
		if _, ok := strings.CutSuffix(part, " u32"); ok {
			fmt.Fprintf(out, " %d", binary.BigEndian.Uint32(rest))
			rest = rest[4:]
			continue
		}
		end := bytes.IndexByte(rest, 0)
		fmt.Fprintf(out, " %q", rest[:end])
		rest = rest[end+1:]
	}
	if len(rest) > 0 {
		t.Fatalf("key %q has %d bytes more than the page says", r.Key, len(rest))
	}
	fmt.Fprintf(out, "\nkey %x\n", r.Key)
	d := &formatDecoder{t: t, page: p, data: r.Value, out: out, seen: seen}
	d.table(name, "")
	if len(d.data) > 0 {
		t.Fatalf("row %q has %d bytes more than the page says: %x", r.Key, len(d.data), d.data)
	}
	out.WriteByte('\n')
}

// formatDecoder reads a value by the page, not by the code under test.
type formatDecoder struct {
	t    *testing.T
	page *formatPageTables
	data []byte
	out  *bytes.Buffer
	seen map[string]bool
}

func (d *formatDecoder) table(name, path string) {
	bools := map[string]bool{}
	for _, f := range d.page.tables[name].fields {
		if f.unless != "" && !bools[f.unless] {
			continue
		}
		d.seen[name+"."+f.name] = true
		bools[f.name] = d.field(f.typ, path+f.name) == "true"
	}
}

// field writes one field and returns its text.
func (d *formatDecoder) field(typ, path string) string {
	if item, ok := strings.CutPrefix(typ, "list of "); ok {
		n := d.uvarint()
		d.line(path, d.take(n.length), fmt.Sprint(n.value, " of them"))
		for i := range n.value {
			d.field(item, fmt.Sprintf("%s[%d]", path, i))
		}
		return ""
	}
	if d.page.tables[typ] != nil {
		d.line(path, nil, typ)
		d.table(typ, path+".")
		return ""
	}
	from := d.data
	text := d.scalar(typ, path)
	d.line(path, from[:len(from)-len(d.data)], text)
	return text
}

func (d *formatDecoder) scalar(typ, path string) string {
	switch typ {
	case "byte":
		return fmt.Sprint(d.take(1)[0])
	case "bool":
		return fmt.Sprint(d.take(1)[0] == 1)
	case "uint":
		n := d.uvarint()
		d.take(n.length)
		return fmt.Sprint(n.value)
	case "int":
		n := d.uvarint()
		d.take(n.length)
		return fmt.Sprint(int64(n.value>>1) ^ -int64(n.value&1))
	case "text", "bytes":
		n := d.uvarint()
		d.take(n.length)
		return fmt.Sprintf("%q", d.take(int(n.value)))
	case "wide":
		return d.wide()
	case "number":
		present, scale := d.take(1)[0] == 1, d.take(1)[0]
		return fmt.Sprintf("present %v, %s · 10^-%d", present, d.wide(), scale)
	}
	d.t.Fatalf("%s: the page names the type %q, which it does not explain", path, typ)
	return ""
}

func (d *formatDecoder) wide() string {
	head := d.take(1)[0]
	v := new(big.Int).SetBytes(d.take(int(head >> 1)))
	if head&1 == 1 {
		v.Neg(v)
	}
	return v.String()
}

type formatUvarint struct {
	value  uint64
	length int
}

func (d *formatDecoder) uvarint() formatUvarint {
	v, n := binary.Uvarint(d.data)
	if n <= 0 {
		d.t.Fatalf("no varint in %x", d.data)
	}
	return formatUvarint{v, n}
}

func (d *formatDecoder) take(n int) []byte {
	if n > len(d.data) {
		d.t.Fatalf("%d bytes wanted, %x left", n, d.data)
	}
	b := d.data[:n]
	d.data = d.data[n:]
	return b
}

func (d *formatDecoder) line(path string, b []byte, text string) {
	raw := hex.EncodeToString(b)
	if len(b) == 0 {
		raw = "·"
	}
	fmt.Fprintf(d.out, "  %-40s %-28s %s\n", path, raw, text)
}

// formatStory makes a shard that has every kind of row, and every part of each.
func formatStory(t *testing.T) *projector.Shard {
	num := events.MustNumber
	s, offset := projector.New(projector.Config{Shard: 3}), int64(0)
	record := func(e *events.Event) {
		offset++
		e.ID, e.Version, e.Venue, e.Type = fmt.Sprint("e", offset), 1, "exch", e.Body.EventType()
		e.Time = 1_700_000_000e9 + offset*1e9
		s.Apply(&projector.Record{Source: projector.Source{Topic: e.Type.Role().String()}, Offset: offset, Timestamp: e.Time / 1e6,
			Key: []byte(e.Owner), Value: []byte(e.ID), Role: e.Type.Role(), Event: e})
	}
	venue := func(body events.Body) { record(&events.Event{Body: body}) }
	owner := func(name string, body events.Body) { record(&events.Event{Owner: name, Body: body}) }

	venue(&events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 12,
		Params: []events.Param{{Name: "partialShare", Value: num("0.5")}}})
	for _, name := range []string{"BTC-PERP", "ETH-PERP"} {
		market := &events.MarketListed{Market: name, Underlying: name[:3], PriceScale: 2, SizeScale: 3, MaxPrice: num("1000000"), MaxSize: num("100000")}
		market.Rules = events.MarketRules{FundingMode: events.FundingByIndex, MaxStalenessMs: 60_000, LiquidationFee: num("0.01"),
			MakerFee: num("-0.0001"), TakerFee: num("0.0005"), Tiers: []events.Tier{
				{LowerNotional: num("0"), MaxLeverage: 50, MaintenanceRate: num("0.01"), Deduction: num("0")},
				{LowerNotional: num("100000"), MaxLeverage: 20, MaintenanceRate: num("0.025"), Deduction: num("1500")}}}
		venue(market)
	}
	venue(&events.CollateralChanged{Asset: "BTC", Haircuts: []events.HaircutTier{
		{LowerValue: num("0"), Haircut: num("0.05")}, {LowerValue: num("1000000"), Haircut: num("0.2")}}, Cap: num("2500000")})
	venue(&events.CollateralPrice{Asset: "BTC", Price: num("50000.5"), Min: num("50000"), Max: num("50001")})
	venue(&events.MarkPrice{Market: "BTC-PERP", Mark: num("50000"), Index: num("50000.5"), Oracle: num("50001"), Min: num("49999"), Max: num("50002")})
	venue(&events.MarkPrice{Market: "ETH-PERP", Mark: num("2500")})
	venue(&events.FundingRate{Market: "BTC-PERP", Rate: num("-0.000125"), Price: num("50000")})
	venue(&events.InsuranceFundMoved{Fund: "main", Asset: "USDC", Balance: num("12345.678")})
	venue(&events.OpenInterest{Market: "BTC-PERP", Long: num("10.5"), Short: num("9")})
	venue(&events.PoolState{Market: "BTC-PERP", Quantities: []events.Param{{Name: "depth", Value: num("7")}}})
	venue(&events.MarketHalted{Market: "ETH-PERP", Reason: "maintenance"})
	venue(&events.BlockStarted{Height: 77})

	owner("ann", &events.AccountOpened{Operator: "wl-1", MarginType: events.MarginStandard})
	owner("ann", &events.Deposit{Asset: "USDC", Amount: num("2460")})
	owner("ann", &events.Deposit{Asset: "BTC", Amount: num("0.001")})
	owner("ann", &events.MarginCallLevelsSet{Levels: []events.Number{num("3"), num("1.5")}})
	owner("ann", &events.PortfolioStopSet{EquityFloor: num("-5"), RatioFloor: num("0.5")})
	owner("ann", &events.LeverageSet{Market: "BTC-PERP", Leverage: 20})
	owner("ann", &events.LeverageCapSet{Market: "BTC-PERP", MaxLeverage: 25})
	owner("ann", &events.MarginModeSet{Market: "ETH-PERP", Mode: events.Isolated})
	for leg := events.LegNet; leg <= events.LegShort; leg++ {
		owner("ann", &events.OrderMargin{Market: "BTC-PERP", Leg: leg, BidSize: num("0.01"), BidNotional: num("400"), AskSize: num("0"), AskNotional: num("0")})
	}
	fill := events.Fill{Market: "BTC-PERP", Leg: events.LegNet, Side: events.Buy, Size: num("1"), Price: num("52000"), Fee: num("26"), FeeAsset: "USDC",
		TradeID: "t1", Reason: events.ReasonTrade}
	owner("ann", &fill)
	short := fill
	short.Market, short.Leg, short.Side, short.Size, short.Price, short.Fee = "ETH-PERP", events.LegShort, events.Sell, num("0.2"), num("2500"), events.Number{}
	owner("ann", &short)
	forced := fill
	forced.Side, forced.Size, forced.Price, forced.Reason = events.Sell, num("0.01"), num("50000"), events.ReasonLiquidation
	owner("ann", &forced) // starts the cool-down
	owner("ann", &events.Deposit{Asset: "NONE", Amount: num("1")})
	s.Apply(&projector.Record{Source: projector.Source{Topic: "accounts", Partition: 3}, Offset: 99, Timestamp: 1_700_000_100_000,
		Key: []byte("bob"), Value: []byte("{"), Role: events.RoleAccounts, Undecodable: "syntax"})
	record(&events.Event{Owner: "bob", Producer: "gateway-2", Sequence: 41, Body: &events.Deposit{Asset: "USDC", Amount: num("0.000000000001")}})

	a := s.Account("exch", "ann", 0)
	if a == nil || a.Pools[0].CooldownUntil == 0 || len(a.Pools) != 2 {
		t.Fatalf("the story does not end with a cool-down and an isolated pool: %+v", a)
	}
	return s
}
