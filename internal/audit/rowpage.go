package audit

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"marginledger/docs/formats"
)

// rowPage is what docs/formats/rows.md says: what a row, or a part of one, is made of. The page is the one place where
// the fields have names, so a difference is named by it.
type rowPage struct {
	tables map[string]*rowTable
	kinds  map[byte]string
}

type rowTable struct {
	key    []string // "venue name", …; nil for parts of rows
	fields []rowColumn
}

// rowColumn is a field of a table; it is absent where the bool field when is 0.
type rowColumn struct{ name, typ, when string }

var (
	pageHeading = regexp.MustCompile(`^##+ (\w+)$`)
	pageKey     = regexp.MustCompile(`^Key: 0x([0-9a-f]{2}), ([\w, ]+)\.`)
	pageRow     = regexp.MustCompile(`^\| (\w+) \| ([\w ]+) \|`)
)

// page reads the page once.
var page = sync.OnceValue(func() *rowPage { return readPage(formats.Rows) })

func readPage(text string) *rowPage {
	p := &rowPage{tables: map[string]*rowTable{}, kinds: map[byte]string{}}
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if m := pageHeading.FindStringSubmatch(line); m != nil {
			name = m[1]
			continue
		}
		if name == "" || name == "Types" || name == "Kinds" {
			continue
		}
		table := p.tables[name]
		if table == nil {
			table = &rowTable{}
		}
		if m := pageKey.FindStringSubmatch(line); m != nil {
			kind, err := hex.DecodeString(m[1])
			if err != nil {
				panic(fmt.Sprintf("audit: docs/formats/rows.md: kind %s: %v", m[1], err)) // the pattern has hex digits only
			}
			table.key = strings.Split(m[2], ", ")
			p.kinds[kind[0]], p.tables[name] = name, table
		} else if m := pageRow.FindStringSubmatch(line); m != nil && m[1] != "field" {
			typ, when, _ := strings.Cut(m[2], " if ")
			table.fields = append(table.fields, rowColumn{m[1], typ, when})
			p.tables[name] = table
		}
	}
	return p
}
