package projector

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Rows are the durable form of the state: docs/formats/rows.md has them as tables. A key is a kind
// byte and strings that end in a zero byte (names hold no control characters), then numbers in big
// endian, so keys sort by what they name. A value starts with its version.

// Row kinds, in key order: what a row refers to has a lower kind.
const (
	rowVenue      = 0x10
	rowAsset      = 0x20
	rowMarket     = 0x30
	rowSystem     = 0x40
	rowFund       = 0x48
	rowAccount    = 0x50
	rowIncomplete = 0x60
	rowProducer   = 0x70
)

// rowVersion is the version of every row value that is written; version 1 is read too.
const rowVersion = 2

// rower is a piece of state with a row of its own.
type rower interface {
	appendKey(dst []byte) []byte
	appendValue(dst []byte) []byte // empty: all default, no row
	unmark()
}

// dirty lists what changed since the last TakeChanged, in order of first change.
type dirty struct{ rows []rower }

// touch puts a row on the list, once.
func (d *dirty) touch(changed *bool, r rower) {
	if !*changed {
		*changed = true
		d.rows = append(d.rows, r)
	}
}

func (s *Shard) touchAccount(a *account)   { s.dirty.touch(&a.changed, a) }
func (s *Shard) touchMarket(m *market)     { s.dirty.touch(&m.changed, m) }
func (s *Shard) touchAsset(x *asset)       { s.dirty.touch(&x.changed, x) }
func (s *Shard) touchVenue(v *venue)       { s.dirty.touch(&v.changed, v) }
func (s *Shard) touchSystem(y *system)     { s.dirty.touch(&y.changed, y) }
func (s *Shard) touchFund(f *fund)         { s.dirty.touch(&f.changed, f) }
func (s *Shard) touchProducer(p *producer) { s.dirty.touch(&p.changed, p) }

func (v *venue) unmark()      { v.changed = false }
func (x *asset) unmark()      { x.changed = false }
func (m *market) unmark()     { m.changed = false }
func (y *system) unmark()     { y.changed = false }
func (f *fund) unmark()       { f.changed = false }
func (a *account) unmark()    { a.changed = false }
func (i *incomplete) unmark() { i.changed = false }
func (p *producer) unmark()   { p.changed = false }

// rowRef is a row to be emitted: its key's place in a buffer.
type rowRef struct {
	row      rower
	from, to int
}

// rowOrder is a row to be sorted, without pointers, which the collector would watch.
type rowOrder struct {
	word uint64 // of the key: where words differ, keys are in their order
	ref  int32  // index of the rowRef
}

// TakeChanged hands over the rows that changed since the last call, in key order, and forgets
// that they did. A nil value deletes. The bytes hold during the call of fn.
func (s *Shard) TakeChanged(fn func(Row)) {
	s.emit(s.dirty.rows, true, fn)
	for _, r := range s.dirty.rows {
		r.unmark()
	}
	clear(s.dirty.rows)
	s.dirty.rows = s.dirty.rows[:0]
}

// EachRow hands over every row, in key order. The bytes hold during the call of fn.
func (s *Shard) EachRow(fn func(Row)) {
	var rows []rower
	for _, v := range s.venueList {
		rows = append(rows, v)
		for _, a := range v.accounts {
			rows = append(rows, a)
		}
	}
	for _, x := range s.assets {
		rows = append(rows, x)
	}
	for _, m := range s.markets {
		rows = append(rows, m)
	}
	rows = append(rows, s.others...)
	s.emit(rows, false, fn)
}

// emit encodes rows in key order; default ones are deletions, or left out.
func (s *Shard) emit(rows []rower, deletions bool, fn func(Row)) {
	keys, refs := s.keyBuf[:0], s.refBuf[:0]
	for _, r := range rows {
		from := len(keys)
		keys = r.appendKey(keys)
		refs = append(refs, rowRef{row: r, from: from, to: len(keys)})
	}
	s.order = sortRows(s.order[:0], keys, refs)
	for _, o := range s.order {
		ref := &refs[o.ref]
		s.valueBuf = ref.row.appendValue(s.valueBuf[:0])
		row := Row{Key: keys[ref.from:ref.to], Value: s.valueBuf}
		if len(row.Value) == 0 {
			row.Value = nil
			if !deletions {
				continue
			}
		}
		fn(row)
	}
	clear(refs)
	s.keyBuf, s.refBuf = keys[:0], refs[:0]
}

// sortRows appends rows in key order. The keys of a kind begin alike: a venue, and often a good part of the owner. So they
// are compared by their kind and the seven bytes behind what all of that kind have in common, and whole only where those
// agree.
func sortRows(order []rowOrder, keys []byte, refs []rowRef) []rowOrder {
	var common [256][]byte // by kind
	for i := range refs {
		key := keys[refs[i].from:refs[i].to]
		same := common[key[0]]
		if same == nil {
			common[key[0]] = key
			continue
		}
		n := 1
		for n < len(same) && n < len(key) && same[n] == key[n] {
			n++
		}
		common[key[0]] = same[:n]
	}
	for i := range refs {
		key := keys[refs[i].from:refs[i].to]
		var word [9]byte // what is short is followed by zeros: it is not after what it begins
		copy(word[1:], key[len(common[key[0]]):])
		order = append(order, rowOrder{uint64(key[0])<<56 | binary.BigEndian.Uint64(word[1:])>>8, int32(i)})
	}
	slices.SortFunc(order, func(a, b rowOrder) int {
		if a.word != b.word {
			return cmp.Compare(a.word, b.word)
		}
		x, y := &refs[a.ref], &refs[b.ref]
		return bytes.Compare(keys[x.from:x.to], keys[y.from:y.to])
	})
	return order
}

func appendName(dst []byte, names ...string) []byte {
	for _, n := range names {
		dst = append(dst, n...)
		dst = append(dst, 0)
	}
	return dst
}

func (v *venue) appendKey(dst []byte) []byte { return appendName(append(dst, rowVenue), v.Name) }
func (x *asset) appendKey(dst []byte) []byte {
	return appendName(append(dst, rowAsset), x.venue.Name, x.Name)
}
func (m *market) appendKey(dst []byte) []byte {
	return appendName(append(dst, rowMarket), m.venue.Name, m.Name)
}
func (y *system) appendKey(dst []byte) []byte {
	return appendName(append(dst, rowSystem), y.venue.Name, y.name, y.asset)
}
func (f *fund) appendKey(dst []byte) []byte {
	return appendName(append(dst, rowFund), f.venue.Name, f.Name, f.Asset.Name)
}
func (a *account) appendKey(dst []byte) []byte {
	return AccountKey(dst, a.venue.Name, a.owner, a.Subaccount)
}
func (i *incomplete) appendKey(dst []byte) []byte {
	dst = appendName(append(dst, rowIncomplete), i.venue, i.owner)
	return binary.BigEndian.AppendUint32(dst, i.subaccount)
}
func (p *producer) appendKey(dst []byte) []byte {
	dst = appendName(append(dst, rowProducer), p.source.Topic)
	dst = binary.BigEndian.AppendUint32(dst, uint32(p.source.Partition))
	return appendName(dst, p.name)
}

// AccountKey appends the key of an account's row.
func AccountKey(dst []byte, venue, owner string, subaccount uint32) []byte {
	dst = appendName(append(dst, rowAccount), venue, owner)
	return binary.BigEndian.AppendUint32(dst, subaccount)
}

// The appenders of values.

func appendUint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }
func appendInt(dst []byte, v int64) []byte   { return binary.AppendVarint(dst, v) }

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendText(dst []byte, v string) []byte { return append(appendUint(dst, uint64(len(v))), v...) }

// appendWide appends an Int128: a byte with twice the number of magnitude bytes, plus one if
// negative, then those bytes, the most significant first.
func appendWide(dst []byte, v fixed.Int128) []byte {
	if v.IsZero() {
		return append(dst, 0)
	}
	n := (v.Bits() + 7) / 8
	sign := byte(0)
	if v.Sign() < 0 {
		sign, v = 1, v.Neg()
	}
	dst = append(dst, byte(n)<<1|sign)
	if v.Hi == 0 {
		end := len(dst) + n
		return binary.BigEndian.AppendUint64(dst, v.Lo<<(64-8*n))[:end]
	}
	for i := n - 1; i >= 0; i-- {
		word := v.Lo
		if i >= 8 {
			word = uint64(v.Hi)
		}
		dst = append(dst, byte(word>>(8*(i%8))))
	}
	return dst
}

func appendNumber(dst []byte, n events.Number) []byte {
	dst = append(appendBool(dst, n.Present), n.Scale)
	return appendWide(dst, n.Coef)
}

func appendParams(dst []byte, params []events.Param) []byte {
	dst = appendUint(dst, uint64(len(params)))
	for _, p := range params {
		dst = appendNumber(appendText(dst, p.Name), p.Value)
	}
	return dst
}

func (v *venue) appendValue(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = appendText(dst, v.profile.Name())
	dst = appendText(dst, v.profile.Version())
	dst = appendParams(dst, v.params)
	dst = appendText(dst, v.settlement.Name)
	dst = appendUint(dst, uint64(v.Scale))
	dst = appendInt(dst, v.Time)
	dst = appendUint(appendUint(dst, v.Block), v.GatedUntil)
	return appendText(dst, string(v.State))
}

func (x *asset) appendValue(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = appendInt(dst, x.Price)
	dst = appendInt(dst, x.PriceTime)
	dst = appendInt(appendInt(dst, x.Min), x.Max)
	dst = appendUint(dst, uint64(len(x.Haircuts)))
	for _, t := range x.Haircuts {
		dst = appendInt(appendWide(dst, t.Lower), t.Haircut)
	}
	return appendWide(appendBool(dst, x.Capped), x.Cap)
}

func (m *market) appendValue(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = appendText(dst, m.Underlying)
	for _, v := range [...]int64{int64(m.PriceScale), int64(m.SizeScale), m.K, m.MaxPrice, m.MaxSize, int64(m.FundingMode),
		m.MaxStaleness, m.LiquidationFee, m.Mark, m.Index, m.Oracle, m.Min, m.Max, m.LastFill, m.MarkTime, m.PriceTime} {
		dst = appendInt(dst, v)
	}
	dst = appendUint(dst, uint64(len(m.Tiers)))
	for _, t := range m.Tiers {
		dst = appendInt(appendWide(dst, t.Lower), t.MaxLeverage)
		dst = appendWide(appendInt(dst, t.Rate), t.Deduction)
	}
	dst = appendWide(dst, m.FundingIndex)
	dst = appendBool(appendBool(dst, m.Halted), m.Settled)
	dst = appendText(dst, m.haltedFor)
	dst = appendWide(appendWide(dst, m.OpenLong), m.OpenShort)
	dst = appendNumber(appendNumber(dst, m.makerFee), m.takerFee)
	dst = appendParams(dst, m.Quantities)
	dst = append(appendParams(dst, m.Params), byte(m.Modes))
	dst = appendUint(appendBool(dst, m.OpenInterestKnown), m.GatedUntil)
	dst = appendText(dst, string(m.State))
	for _, token := range [...]*margin.Asset{m.LongToken, m.ShortToken} {
		name := ""
		if token != nil {
			name = token.Name
		}
		dst = appendText(dst, name)
	}
	return dst
}

func (y *system) appendValue(dst []byte) []byte {
	if y.balance.IsZero() {
		return dst
	}
	return appendWide(append(dst, rowVersion), y.balance)
}

// appendValue writes a balance of 0 too: it is known to be.
func (f *fund) appendValue(dst []byte) []byte { return appendWide(append(dst, rowVersion), f.Balance) }

func (i *incomplete) appendValue(dst []byte) []byte {
	if len(i.offsets) == 0 {
		return dst
	}
	dst = appendUint(append(dst, rowVersion), uint64(len(i.offsets)))
	for _, o := range i.offsets {
		dst = appendText(dst, o.Topic)
		dst = appendInt(appendInt(dst, int64(o.Partition)), o.Offset)
	}
	return dst
}

func (p *producer) appendValue(dst []byte) []byte {
	return appendInt(appendUint(append(dst, rowVersion), p.sequence), p.time)
}

func (a *account) appendValue(dst []byte) []byte {
	dst = append(dst, rowVersion)
	own := a.own()
	dst = appendText(dst, own.operator)
	dst = append(dst, byte(a.marginType))
	dst = appendBool(dst, a.funded)
	dst = appendBool(dst, own.ownLevels)
	if own.ownLevels {
		dst = appendUint(dst, uint64(len(own.levels)))
		for _, l := range own.levels {
			dst = appendInt(dst, l)
		}
	}
	dst = own.stop.append(dst)
	dst = appendUint(dst, uint64(len(a.settings)))
	for i := range a.settings {
		dst = a.settings[i].append(dst)
	}
	dst = appendBalances(dst, a.cross.Balances)
	dst = a.cross.append(dst)
	dst = appendUint(dst, uint64(len(a.isolated)))
	for _, p := range a.isolated {
		dst = append(appendText(dst, p.market.Name), byte(p.leg))
		dst = appendWide(appendText(dst, p.asset.Name), p.Collateral)
		dst = appendBalances(dst, p.Balances)
		dst = p.append(dst)
	}
	dst = appendUint(appendText(dst, a.Mode), uint64(len(a.Observed)))
	for _, o := range a.Observed {
		dst = appendWide(appendText(dst, o.Asset.Name), o.Amount)
	}
	return appendText(dst, string(a.State))
}

func appendBalances(dst []byte, balances []margin.Balance) []byte {
	held := 0
	for i := range balances {
		if !balances[i].Amount.IsZero() { // else it is derived: see pool.watches
			held++
		}
	}
	dst = appendUint(dst, uint64(held))
	for _, b := range balances {
		if b.Amount.IsZero() {
			continue
		}
		dst = appendWide(appendText(dst, b.Asset.Name), b.Amount)
	}
	return dst
}

func (st *stop) append(dst []byte) []byte {
	dst = appendBool(dst, st.armed)
	dst = appendBool(appendBool(dst, st.hasFloor), st.hasRatio)
	if st.hasFloor {
		dst = appendWide(dst, st.floor)
	}
	if st.hasRatio {
		dst = appendInt(dst, st.ratio)
	}
	return dst
}

func (set *setting) append(dst []byte) []byte {
	dst = appendText(dst, set.market.Name)
	dst = appendInt(appendInt(appendBool(dst, set.isolated), set.leverage), set.cap)
	for leg := events.LegNet; leg <= events.LegShort; leg++ {
		o := &set.orders[leg]
		dst = appendBool(dst, !o.IsZero())
		if !o.IsZero() {
			dst = appendWide(appendInt(dst, o.BidSize), o.BidNotional)
			dst = appendWide(appendInt(dst, o.AskSize), o.AskNotional)
		}
	}
	return dst
}

// append appends what cross and isolated pools share.
func (p *pool) append(dst []byte) []byte {
	dst = appendUint(dst, uint64(len(p.Positions)))
	for i := range p.Positions {
		pos := &p.Positions[i]
		dst = append(appendText(dst, pos.Market.Name), byte(pos.Leg))
		dst = appendWide(appendInt(dst, pos.Size), pos.Entry)
		dst = appendWide(dst, pos.FundingIndex)
	}
	dst = appendUint(dst, uint64(p.called))
	dst = appendBool(dst, p.episode != nil)
	if p.episode != nil {
		dst = append(appendText(dst, p.episode.id), byte(p.episode.stage))
		dst = appendInt(dst, p.episode.cooldown)
	}
	return appendText(dst, string(p.State))
}

// rowReader reads a row's value; the first failure sticks.
type rowReader struct {
	version byte
	data    []byte
	err     error
}

var errRow = fmt.Errorf("damaged row")

func (r *rowReader) fail() {
	r.err, r.data = errRow, nil
}

func (r *rowReader) byte() byte {
	if len(r.data) == 0 {
		r.fail()
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *rowReader) bool() bool { return r.byte() == 1 }

func (r *rowReader) uint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

// count reads the length of a list, each of whose items takes a byte at least.
func (r *rowReader) count() int {
	v := r.uint()
	if v > uint64(len(r.data)) {
		r.fail()
		return 0
	}
	return int(v)
}

func (r *rowReader) int() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *rowReader) text() string {
	n := r.count()
	s := string(r.data[:n])
	r.data = r.data[n:]
	return s
}

func (r *rowReader) wide() fixed.Int128 {
	head := r.byte()
	n := int(head >> 1)
	if n > 16 || n > len(r.data) {
		r.fail()
		return fixed.Int128{}
	}
	var v fixed.Int128
	for _, b := range r.data[:n] {
		v = fixed.Int128{Hi: v.Hi<<8 | int64(v.Lo>>56), Lo: v.Lo<<8 | uint64(b)}
	}
	r.data = r.data[n:]
	if head&1 == 1 {
		return v.Neg()
	}
	return v
}

func (r *rowReader) number() events.Number {
	n := events.Number{Present: r.bool(), Scale: r.byte()}
	n.Coef = r.wide()
	return n
}

func (r *rowReader) params() []events.Param {
	out := make([]events.Param, r.count())
	for i := range out {
		out[i] = events.Param{Name: r.text(), Value: r.number()}
	}
	return out
}

func (r *rowReader) bytes() []byte {
	if s := r.text(); s != "" {
		return []byte(s)
	}
	return nil
}

// done reports the first failure, or bytes left over.
func (r *rowReader) done() error {
	if r.err == nil && len(r.data) > 0 {
		return fmt.Errorf("%w: %d bytes too many", errRow, len(r.data))
	}
	return r.err
}
