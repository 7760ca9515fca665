package audit

import (
	"fmt"
	"strings"
)

// Kind says what of a ledger's past is not what it should be.
type Kind string

// The kinds of differences.
const (
	KindArchive  Kind = "archive"      // a file of the archive is not what was written
	KindOrder    Kind = "order log"    // an entry contradicts the others
	KindInput    Kind = "input"        // a source does not have the records that were consumed
	KindChain    Kind = "chain"        // a cut folds to another hash
	KindOutput   Kind = "announcement" // what was published is not what the fold announces
	KindRow      Kind = "row"          // a stored row is not what the fold has
	KindWindow   Kind = "window"       // a stored dedupe window is not what the fold has
	KindHead     Kind = "head"         // a stored head is not what the fold has
	KindSnapshot Kind = "snapshot"     // a snapshot is not what the fold has
)

// Difference is the first place where something is not what the fold says. Have is what lies there, Want what follows
// from the inputs in the order of the order log.
type Difference struct {
	Kind  Kind     `json:"kind"`
	Shard int32    `json:"shard"`
	Cut   uint64   `json:"cut,omitempty"`   // first that is concerned
	Event *EventAt `json:"event,omitempty"` // first that is concerned; nil: unknown
	Place string   `json:"place,omitempty"` // where the wrong thing lies: a file and block, a place in a topic, a store
	Row   string   `json:"row,omitempty"`
	Field string   `json:"field,omitempty"`
	Have  string   `json:"have,omitempty"`
	Want  string   `json:"want,omitempty"`
	What  string   `json:"what"`           // in a sentence
	More  int      `json:"more,omitempty"` // further rows or announcements that differ

	key []byte // of Row
}

// EventAt names a consumed record.
type EventAt struct {
	N      uint64 `json:"n"`                // its number, of the shard
	Source string `json:"source"`           // topic/partition@offset
	ID     string `json:"id,omitempty"`     // of the event, where it could be decoded
	Type   string `json:"type,omitempty"`   // likewise
	Time   string `json:"time,omitempty"`   // likewise, RFC 3339
	Detail string `json:"detail,omitempty"` // what it did there, for people
}

// String is the record for people.
func (e *EventAt) String() string {
	if e == nil {
		return "unknown"
	}
	out := fmt.Sprintf("record %d, %s", e.N, e.Source)
	if e.Type != "" {
		out += fmt.Sprintf(", %s %q of %s", e.Type, e.ID, e.Time)
	}
	if e.Detail != "" {
		out += " (" + e.Detail + ")"
	}
	return out
}

// String is the difference for people, on several lines.
func (d *Difference) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", d.Kind, d.What)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-6s %s\n", name, text)
		}
	}
	if d.Cut > 0 {
		line("cut", fmt.Sprintf("%d of shard %d", d.Cut, d.Shard))
	}
	if d.Event != nil {
		line("event", d.Event.String())
	}
	line("place", d.Place)
	line("row", d.Row)
	line("field", d.Field)
	line("have", d.Have)
	line("want", d.Want)
	if d.More > 0 {
		line("more", fmt.Sprint(d.More))
	}
	return b.String()
}
