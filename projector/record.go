package projector

import "marginledger/events"

// Record is one consumed record of an input topic, as the shell hands it to the fold.
type Record struct {
	Source    Source
	Offset    int64
	Timestamp int64 // of the Kafka record, milliseconds since 1970 UTC
	Key       []byte
	Value     []byte

	Role           events.Role // of the topic
	WrongPartition bool        // the key does not hash to the source's partition; account topics only

	// Event is the decoded value; nil when the record could not be decoded or is skipped.
	Event *events.Event
	// Undecodable is the decoder's reason code, with Detail for people; "" otherwise.
	Undecodable string
	Detail      string
	// Skipped is set where a person skipped the record (`ledger skip`), with the reason in Detail.
	Skipped bool
}

// Source is one partition of one input topic.
type Source struct {
	Topic     string
	Partition int32
}

// compare orders sources by topic and partition.
func (s Source) compare(t Source) int {
	if c := compareStrings(s.Topic, t.Topic); c != 0 {
		return c
	}
	return int(s.Partition) - int(t.Partition)
}

// Effects is what applying one record changes and announces. It belongs to the fold and holds
// until the next Apply.
type Effects struct {
	N           uint64 // number of the record
	Outputs     []events.Output
	DeadLetters []events.DeadLetterBody
	Postings    []Posting
	Duplicate   bool
}

// Posting is one line of double entry. The postings of a record sum to zero per asset.
type Posting struct {
	Venue   string
	Asset   string
	Account string // "owner/subaccount[/pool]" or the name of a system account
	Cause   Cause
	Market  string        // for funding and realised profit
	Amount  events.Number // positive: the account gains

	// Of an account, what Account says in one text; Owner is "" of a system account.
	Owner      string
	Subaccount uint32
	Pool       string // "cross", or that of an isolated one
}

// Cause says why money moved.
type Cause uint8

// The causes.
const (
	CauseDeposit Cause = 1 + iota
	CauseWithdrawal
	CauseTransfer
	CauseRealised
	CauseFee
	CauseFunding
	CauseSpot
	CauseConversion
	CauseInterest
	CauseInsurance
	CauseAdjustment
	CauseOpening
	CauseMargin
)

var causeNames = [...]string{"", "deposit", "withdrawal", "transfer", "realised", "fee", "funding", "spot", "conversion",
	"interest", "insurance", "adjustment", "opening", "margin"}

// String returns the cause's name.
func (c Cause) String() string { return causeNames[c] }

// Config is what a shard is built with. Shard and DedupeWindow are part of what replay needs.
type Config struct {
	Shard        int32
	DedupeWindow int  // unsequenced records remembered per source; 0: DefaultDedupeWindow
	Postings     bool // hand out the postings of every record; they are made in any case
}

// DefaultDedupeWindow is the number of unsequenced records whose ids are remembered per source.
const DefaultDedupeWindow = 1 << 20

// Counters is the part of the state that numbers things. The stored head holds it.
type Counters struct {
	N    uint64                 // records consumed
	Seqs [events.Streams]uint64 // last sequence per output topic
}

// Row is one stored row: the unit of hashing, storage and snapshots. A nil Value deletes.
type Row struct {
	Key, Value []byte
}
