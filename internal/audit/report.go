package audit

import (
	"fmt"
	"strings"

	"marginledger/events"
	"marginledger/internal/orderlog"
)

// Report is what a verification came to.
type Report struct {
	Where   string         `json:"where"`
	Archive *ArchiveReport `json:"archive,omitempty"`
	Shards  []ShardReport  `json:"shards"`
	Agrees  bool           `json:"agrees"`
}

// ArchiveReport is what was found of an archive's files.
type ArchiveReport struct {
	Digest      orderlog.Hash `json:"digest"` // of SHA256SUMS: compare it with the one that was kept
	Bytes       int64         `json:"bytes"`
	Differences []Difference  `json:"differences"`
}

// ShardReport is what was found of a shard.
type ShardReport struct {
	Shard       int32                        `json:"shard"`
	FromCut     uint64                       `json:"fromCut"`
	ToCut       uint64                       `json:"toCut"`                 // less than FromCut: none
	Believed    uint64                       `json:"believedCut,omitempty"` // the snapshot of this cut was taken as it is; 0: nothing was
	Records     uint64                       `json:"records"`               // folded
	N           uint64                       `json:"n"`                     // after ToCut
	Hash        orderlog.Hash                `json:"hash"`                  // of ToCut
	Outputs     [events.Streams]OutputReport `json:"outputs"`
	States      []StateReport                `json:"states"` // stored rows and snapshots that were compared
	Notes       []string                     `json:"notes"`  // what was not compared, and why
	Differences []Difference                 `json:"differences"`
}

// OutputReport is what was found of an output topic.
type OutputReport struct {
	Topic       string `json:"topic"`
	Compared    uint64 `json:"compared"`              // announcements, value by value
	Trimmed     uint64 `json:"trimmed,omitempty"`     // gone by retention
	Unpublished uint64 `json:"unpublished,omitempty"` // not there yet, behind the stored head
}

// StateReport is a stored state that was compared.
type StateReport struct {
	What     string        `json:"what"` // store, snapshot, or the manifest of one
	Cut      uint64        `json:"cut"`
	Rows     int           `json:"rows"`
	Identity orderlog.Hash `json:"identity,omitzero"` // of a snapshot
	Differs  int           `json:"differs"`           // rows, or 1 where the identity is another
}

func newShardReport(shard int32) *ShardReport {
	return &ShardReport{Shard: shard, States: []StateReport{}, Notes: []string{}, Differences: []Difference{}}
}

// Differences returns all that were found.
func (r *Report) Differences() (all []Difference) {
	if r.Archive != nil {
		all = append(all, r.Archive.Differences...)
	}
	for i := range r.Shards {
		all = append(all, r.Shards[i].Differences...)
	}
	return all
}

// String is the report for people.
func (r *Report) String() string {
	var b strings.Builder
	if a := r.Archive; a != nil {
		fmt.Fprintf(&b, "archive %s: %s bytes, digest %v\n", r.Where, thousands(a.Bytes), a.Digest)
		printDifferences(&b, a.Differences)
	}
	for i := range r.Shards {
		r.Shards[i].tell(&b)
	}
	if r.Agrees {
		b.WriteString("everything agrees\n")
	} else {
		fmt.Fprintf(&b, "%d differences\n", len(r.Differences()))
	}
	return b.String()
}

func (s *ShardReport) tell(b *strings.Builder) {
	fmt.Fprintf(b, "shard %d: cuts %d to %d, %s records, hash %v\n", s.Shard, s.FromCut, s.ToCut, thousands(int64(s.Records)), s.Hash)
	if s.Believed > 0 {
		fmt.Fprintf(b, "  begun behind the snapshot of cut %d, whose rows were taken as they are\n", s.Believed)
	}
	for _, o := range s.Outputs {
		fmt.Fprintf(b, "  %s: %s announcements compared", o.Topic, thousands(int64(o.Compared)))
		if o.Trimmed > 0 {
			fmt.Fprintf(b, ", %s gone by retention", thousands(int64(o.Trimmed)))
		}
		if o.Unpublished > 0 {
			fmt.Fprintf(b, ", %s not published yet", thousands(int64(o.Unpublished)))
		}
		b.WriteString("\n")
	}
	for _, t := range s.States {
		fmt.Fprintf(b, "  %s of cut %d: %s rows compared, %d differ\n", t.What, t.Cut, thousands(int64(t.Rows)), t.Differs)
	}
	for _, n := range s.Notes {
		fmt.Fprintf(b, "  not compared: %s\n", n)
	}
	printDifferences(b, s.Differences)
}

func printDifferences(b *strings.Builder, list []Difference) {
	for i := range list {
		b.WriteString("DIFFERENCE, ")
		b.WriteString(list[i].String())
	}
}

// thousands writes a count with commas.
func thousands(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
