package events

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// Kind names a kind of announcement. Within one event, and for one pool, announcements stand in
// the order of these numbers.
type Kind uint8

// The announcements, in catalogue order.
const (
	KindDeadLetter             Kind = 1
	KindViolation              Kind = 2
	KindMarginCallCleared      Kind = 3
	KindMarginCall             Kind = 4
	KindLiquidationTriggered   Kind = 5
	KindLiquidationUpdated     Kind = 6
	KindLiquidationCleared     Kind = 7
	KindPoolBankrupt           Kind = 8
	KindPortfolioStopTriggered Kind = 9
)

var kindNames = [...]string{"", "DeadLetter", "Violation", "MarginCallCleared", "MarginCall",
	"LiquidationTriggered", "LiquidationUpdated", "LiquidationCleared", "PoolBankrupt", "PortfolioStopTriggered"}

// String returns the kind's name, as it stands in JSON.
func (k Kind) String() string { return textOf(kindNames[:], k, "Kind") }

// ParseKind is the inverse of Kind.String.
func ParseKind(s string) (Kind, error) { return parseText[Kind](kindNames[:], s, "kind") }

// Stream is an output topic: each has a dense sequence of its own per shard.
type Stream uint8

// The output topics.
const (
	StreamLiquidations Stream = iota // what bots live on: calls, liquidations, bankruptcies, stops
	StreamNotices                    // violations and dead letters with their reason
	StreamDeadLetters                // the bodies of dead letters
	Streams            = 3
)

var streamNames = [...]string{"ledger.liquidations.v1", "ledger.notices.v1", "ledger.deadletters.v1"}

// String returns the topic's name without prefix.
func (s Stream) String() string { return textOf(streamNames[:], s, "Stream") }

// Stream returns the topic that carries announcements of kind k.
func (k Kind) Stream() Stream {
	if k == KindDeadLetter || k == KindViolation {
		return StreamNotices
	}
	return StreamLiquidations
}

// Stage is how far a liquidation episode has come; within an episode it only rises.
type Stage uint8

// The stages.
const (
	StageNone     Stage = 0
	StagePartial  Stage = 1 // equity < maintenance
	StageFull     Stage = 2 // equity < 80 % of maintenance
	StageBackstop Stage = 3 // equity < 2/3 of maintenance
	StageBankrupt Stage = 4 // equity < 0
)

var stageNames = [...]string{"none", "partial", "full", "backstop", "bankrupt"}

// String returns the stage's text form.
func (s Stage) String() string { return textOf(stageNames[:], s, "Stage") }

// ParseStage is the inverse of Stage.String.
func ParseStage(s string) (Stage, error) {
	if s == stageNames[0] {
		return StageNone, nil
	}
	return parseText[Stage](stageNames[:], s, "stage")
}

// Output is one announcement. Amounts are in the venue's settlement asset.
type Output struct {
	ID    string `json:"id"`  // "shard-n-index": the same in every replay
	Seq   uint64 `json:"seq"` // dense from 1 per shard and topic
	Kind  Kind   `json:"kind"`
	Shard int32  `json:"shard"`
	N     uint64 `json:"n"`     // the consumed record that caused it
	Index uint32 `json:"index"` // among the announcements of that record

	Source  Offset `json:"source"`             // of that record
	EventID string `json:"eventId,omitzero"`   // of that record, where it could be decoded
	Type    string `json:"eventType,omitzero"` // likewise
	Time    string `json:"time,omitzero"`      // event time, RFC 3339

	Venue         string            `json:"venue,omitzero"`
	Profile       string            `json:"profile,omitzero"` // name@version
	Owner         string            `json:"owner,omitzero"`
	Subaccount    uint32            `json:"sub"`
	Pool          string            `json:"pool,omitzero"`       // "cross", or "market", or "market/leg"
	Incomplete    bool              `json:"incomplete,omitzero"` // a dead letter of this account is unanswered
	Stale         bool              `json:"stale,omitzero"`      // a mark behind these figures is older than its market allows
	Missing       string            `json:"missing,omitzero"`    // kinds of facts without which a figure cannot be known, by name: "MarkPrice,PoolState"
	Equity        Number            `json:"equity,omitzero"`
	Initial       Number            `json:"initialMargin,omitzero"`
	Maintenance   Number            `json:"maintenanceMargin,omitzero"`
	Level         Number            `json:"level,omitzero"`       // margin calls: the multiple of maintenance crossed
	EquityFloor   Number            `json:"equityFloor,omitzero"` // portfolio stops
	RatioFloor    Number            `json:"ratioFloor,omitzero"`
	Liquidation   string            `json:"liquidation,omitzero"` // the episode's id: that of its first announcement
	Stage         Stage             `json:"stage,omitzero"`
	CooldownUntil string            `json:"cooldownUntil,omitzero"` // shard time until which the episode asks for nothing
	Awaiting      bool              `json:"awaiting,omitzero"`      // the episode asks for a size that is not filled
	Positions     []PositionFigures `json:"positions,omitzero"`

	Rule   string `json:"rule,omitzero"`   // violations: code of the rule
	Reason string `json:"reason,omitzero"` // dead letters: code of the reason
	Detail string `json:"detail,omitzero"` // for people; no promise of stability beyond one build
	Digest string `json:"digest,omitzero"` // dead letters: SHA-256 of the record's value, hex
}

// PositionFigures are the figures of one position at the moment of an announcement.
type PositionFigures struct {
	Market             string `json:"market"`
	Leg                Leg    `json:"leg"`
	Collateral         string `json:"collateral,omitzero"` // asset of the pool's own collateral, where it is not the settlement asset
	Size               Number `json:"size"`                // negative: short
	EntryPrice         Number `json:"entryPrice"`          // average, rounded half up to the price unit: for display
	Mark               Number `json:"mark,omitzero"`
	MarkTime           string `json:"markTime,omitzero"`
	Notional           Number `json:"notional"`
	UnrealisedPnL      Number `json:"unrealisedPnl"`
	UnpostedFunding    Number `json:"unpostedFunding"`
	Initial            Number `json:"initialMargin"`
	Maintenance        Number `json:"maintenanceMargin"`
	Tier               uint32 `json:"tier"` // index into the market's tiers
	LiquidationPrice   Number `json:"liquidationPrice,omitzero"`
	NoLiquidationPrice string `json:"noLiquidationPrice,omitzero"` // why there is none: AlreadyLiquidatable, NoPrice or UnknownPrice
	BankruptcyPrice    Number `json:"bankruptcyPrice,omitzero"`
	CloseSize          Number `json:"closeSize,omitzero"`      // ≥ 0: what the episode asks to close now
	LiquidationFee     Number `json:"liquidationFee,omitzero"` // on CloseSize at the mark

	InsuranceDelta  Number `json:"insuranceDelta,omitzero"`  // what the fund receives if CloseSize fills at the worst admitted price; negative: it pays
	InsuranceCovers string `json:"insuranceCovers,omitzero"` // with InsuranceDelta: whether it may pay that: yes, no, or unknown
	DeleverageSize  Number `json:"deleverageSize,omitzero"`  // > 0: what is closed against other accounts if CloseSize finds nobody
	DeleveragePrice Number `json:"deleveragePrice,omitzero"` // with DeleverageSize
}

// Why a position has no liquidation price.
const (
	AlreadyLiquidatable = "liquidatable" // the pool's equity is below its maintenance
	NoPrice             = "none"         // no price on the losing side makes it so
	UnknownPrice        = "unknown"      // the pool lies elsewhere, or facts are missing
)

// DeadLetterBody carries the record behind a DeadLetter announcement on its own topic.
type DeadLetterBody struct {
	ID        string `json:"id"` // of the DeadLetter announcement
	Seq       uint64 `json:"seq"`
	Source    Offset `json:"source"`
	Timestamp int64  `json:"timestamp"` // of the record, milliseconds
	Reason    string `json:"reason"`
	Size      int    `json:"size"`   // bytes of the whole value
	Digest    string `json:"digest"` // SHA-256 of the whole value, hex
	Key       []byte `json:"key,omitzero"`
	Value     []byte `json:"value,omitzero"` // whole up to MaxDeadLetterBody bytes, else its head
	Truncated bool   `json:"truncated,omitzero"`
}

// MaxDeadLetterBody is the largest value that is kept whole in the dead-letter topic; of a larger
// one the first MaxDeadLetterHead bytes are kept.
const (
	MaxDeadLetterBody = 512 << 10
	MaxDeadLetterHead = 4 << 10
)

// OutputID returns the id of an announcement.
func OutputID(shard int32, n uint64, index uint32) string {
	return fmt.Sprintf("%d-%d-%d", shard, n, index)
}

// ParseOutput decodes an announcement, as a consumer does.
func ParseOutput(value []byte) (*Output, error) {
	o := new(Output)
	if err := json.Unmarshal(value, o); err != nil {
		return nil, fmt.Errorf("decode announcement: %w", err)
	}
	return o, nil
}

// The enumerations that stand in announcements marshal as their text form.

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(b []byte) (err error) { *k, err = ParseKind(string(b)); return err }

// MarshalText implements encoding.TextMarshaler.
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Stage) UnmarshalText(b []byte) (err error) { *s, err = ParseStage(string(b)); return err }

// MarshalText implements encoding.TextMarshaler.
func (l Leg) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Leg) UnmarshalText(b []byte) (err error) { *l, err = ParseLeg(string(b)); return err }

// AppendJSON appends o in its canonical form: the fields in their declared order, absent ones
// left out, no blanks. These bytes are what output digests cover.
func (o *Output) AppendJSON(dst []byte) []byte {
	w := writer{dst: dst}
	w.str("id", o.ID)
	w.uint("seq", o.Seq)
	w.str("kind", o.Kind.String())
	w.uint("shard", uint64(o.Shard))
	w.uint("n", o.N)
	w.uint("index", uint64(o.Index))
	w.offset("source", &o.Source)
	w.optStr("eventId", o.EventID)
	w.optStr("eventType", o.Type)
	w.optStr("time", o.Time)
	w.optStr("venue", o.Venue)
	w.optStr("profile", o.Profile)
	w.optStr("owner", o.Owner)
	w.uint("sub", uint64(o.Subaccount))
	w.optStr("pool", o.Pool)
	w.optBool("incomplete", o.Incomplete)
	w.optBool("stale", o.Stale)
	w.optStr("missing", o.Missing)
	w.num("equity", o.Equity)
	w.num("initialMargin", o.Initial)
	w.num("maintenanceMargin", o.Maintenance)
	w.num("level", o.Level)
	w.num("equityFloor", o.EquityFloor)
	w.num("ratioFloor", o.RatioFloor)
	w.optStr("liquidation", o.Liquidation)
	if o.Stage != StageNone {
		w.str("stage", o.Stage.String())
	}
	w.optStr("cooldownUntil", o.CooldownUntil)
	w.optBool("awaiting", o.Awaiting)
	if len(o.Positions) > 0 {
		w.key("positions")
		w.dst = append(w.dst, '[')
		for i := range o.Positions {
			if i > 0 {
				w.dst = append(w.dst, ',')
			}
			w.dst = o.Positions[i].appendJSON(w.dst)
		}
		w.dst = append(w.dst, ']')
	}
	w.optStr("rule", o.Rule)
	w.optStr("reason", o.Reason)
	w.optStr("detail", o.Detail)
	w.optStr("digest", o.Digest)
	return w.end()
}

func (p *PositionFigures) appendJSON(dst []byte) []byte {
	w := writer{dst: dst}
	w.str("market", p.Market)
	w.str("leg", p.Leg.String())
	w.optStr("collateral", p.Collateral)
	w.num("size", p.Size)
	w.num("entryPrice", p.EntryPrice)
	w.num("mark", p.Mark)
	w.optStr("markTime", p.MarkTime)
	w.num("notional", p.Notional)
	w.num("unrealisedPnl", p.UnrealisedPnL)
	w.num("unpostedFunding", p.UnpostedFunding)
	w.num("initialMargin", p.Initial)
	w.num("maintenanceMargin", p.Maintenance)
	w.uint("tier", uint64(p.Tier))
	w.num("liquidationPrice", p.LiquidationPrice)
	w.optStr("noLiquidationPrice", p.NoLiquidationPrice)
	w.num("bankruptcyPrice", p.BankruptcyPrice)
	w.num("closeSize", p.CloseSize)
	w.num("liquidationFee", p.LiquidationFee)
	return w.end()
}

// AppendJSON appends b in its canonical form.
func (b *DeadLetterBody) AppendJSON(dst []byte) []byte {
	text, err := json.Marshal(b)
	if err != nil {
		panic(fmt.Sprintf("events: dead letter %s: %v", b.ID, err)) // strings, integers and bytes marshal
	}
	return append(dst, text...)
}

// writer appends the members of one JSON object.
type writer struct {
	dst    []byte
	opened bool
}

func (w *writer) key(name string) {
	if w.opened {
		w.dst = append(w.dst, ',')
	} else {
		w.dst = append(w.dst, '{')
	}
	w.opened = true
	w.dst = append(w.dst, '"')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, '"', ':')
}

func (w *writer) end() []byte { return append(w.dst, '}') }

func (w *writer) str(name, v string) {
	w.key(name)
	w.dst = appendString(w.dst, v)
}

func (w *writer) optStr(name, v string) {
	if v != "" {
		w.str(name, v)
	}
}

func (w *writer) uint(name string, v uint64) {
	w.key(name)
	w.dst = strconv.AppendUint(w.dst, v, 10)
}

func (w *writer) optBool(name string, v bool) {
	if v {
		w.key(name)
		w.dst = append(w.dst, "true"...)
	}
}

func (w *writer) num(name string, v Number) {
	if v.Present {
		w.key(name)
		w.dst = append(w.dst, '"')
		w.dst = v.Append(w.dst)
		w.dst = append(w.dst, '"')
	}
}

func (w *writer) offset(name string, v *Offset) {
	w.key(name)
	in := writer{dst: w.dst}
	in.str("topic", v.Topic)
	in.uint("partition", uint64(v.Partition))
	in.uint("offset", uint64(v.Offset))
	w.dst = in.end()
}

// appendString appends s as a JSON string; only what must be escaped is. Bytes that are not UTF-8
// become U+FFFD: names have been checked, so that is for details quoting a bad record.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	if isPlain(unsafe.Slice(unsafe.StringData(s), len(s))) {
		return append(append(dst, s...), '"')
	}
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20 || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		}
		i++
	}
	return append(dst, '"')
}

// FormatTime returns nanoseconds since 1970 UTC as they stand in JSON: RFC 3339 in UTC.
func FormatTime(ns int64) string { return string(appendTime(nil, ns)) }
