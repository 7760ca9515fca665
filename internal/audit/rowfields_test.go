package audit

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"marginledger/projector"
)

// goldenRows reads the rows of the projector's golden file.
func goldenRows(t *testing.T) (rows []projector.Row, fields []map[string]string) {
	t.Helper()
	text, err := os.ReadFile("../../projector/testdata/rows.golden")
	if err != nil {
		t.Fatal(err)
	}
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for line := range strings.Lines(string(text)) {
		if key, ok := strings.CutPrefix(line, "key "); ok {
			rows, fields = append(rows, projector.Row{Key: unhex(strings.TrimSpace(key))}), append(fields, map[string]string{})
			continue
		}
		if f := strings.Fields(line); len(f) > 1 && f[0] != "#" && f[1] != "·" {
			r := &rows[len(rows)-1]
			r.Value = append(r.Value, unhex(f[1])...)
			fields[len(fields)-1][f[0]] = strings.Join(f[2:], " ")
		}
	}
	return rows, fields
}

// The rows of the golden file are taken apart as the projector's own test of the format does it.
func TestRowFields(t *testing.T) {
	rows, golden := goldenRows(t)
	names := map[string]bool{}
	for i, r := range rows {
		fields, err := RowFields(r.Key, r.Value)
		if err != nil {
			t.Fatalf("%s: %v", RowName(r.Key), err)
		}
		kind, _, _ := strings.Cut(RowName(r.Key), " ")
		names[kind] = true
		for _, f := range fields {
			want, ok := golden[i][strings.TrimSuffix(f.Path, ".length")]
			if !ok {
				t.Errorf("%s: the golden file has no %s", RowName(r.Key), f.Path)
			}
			if strings.Contains(want, "·") || strings.Contains(want, " of them") { // numbers and lists are told otherwise
				continue
			}
			if got := f.Value; got != strings.Trim(want, `"`) && !strings.HasPrefix(want, `"\x`) {
				t.Errorf("%s: %s is %q, the golden file has %s", RowName(r.Key), f.Path, got, want)
			}
		}
	}
	if len(names) != 8 || RowName(rows[0].Key) != "venue exch" {
		t.Errorf("kinds: %v", names)
	}
}

// One flipped bit anywhere in a row is one field, and the first to differ; whatever the damage, nothing panics.
func TestDiffRow(t *testing.T) {
	rows, _ := goldenRows(t)
	rng := rand.New(rand.NewPCG(1, 4))
	for _, r := range rows {
		fields, err := RowFields(r.Key, r.Value)
		if err != nil {
			t.Fatal(err)
		}
		for at := range r.Value {
			bad := bytes.Clone(r.Value)
			bad[at] ^= 1 << rng.IntN(8)
			diff := DiffRow(r.Key, bad, r.Value)
			if len(diff) == 0 {
				t.Fatalf("%s: byte %d of %x: no difference", RowName(r.Key), at, r.Value)
			}
			for _, f := range fields {
				if at >= f.from && at < f.to && diff[0].Field != f.Path && !strings.HasSuffix(f.Path, ".length") && f.Path != "version" {
					t.Errorf("%s: byte %d is of %s, the difference is %+v", RowName(r.Key), at, f.Path, diff[0])
				}
			}
		}
		if DiffRow(r.Key, r.Value, bytes.Clone(r.Value)) != nil {
			t.Errorf("%s differs from itself", RowName(r.Key))
		}
	}
	r := rows[0]
	if d := DiffRow(r.Key, nil, r.Value); len(d) != 1 || d[0] != (FieldDifference{"row", "absent", "present"}) {
		t.Errorf("%+v", d)
	}
	if d := DiffRow(r.Key, r.Value, nil); len(d) != 1 || d[0] != (FieldDifference{"row", "present", "absent"}) {
		t.Errorf("%+v", d)
	}
}

func FuzzRowFields(f *testing.F) {
	f.Add([]byte("\x50demo\x00ann\x00\x00\x00\x00\x00"), []byte{1, 0, 1, 1})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		RowName(key)
		if fields, err := RowFields(key, value); err == nil && len(fields) == 0 {
			t.Fatal("a row without fields")
		}
		DiffRow(key, value, append(bytes.Clone(value), 1))
	})
}
