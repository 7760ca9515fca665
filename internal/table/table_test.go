package table

import (
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/parquet-go/parquet-go"

	"marginledger/events"
)

type row struct {
	Name   string   `parquet:"name,dict"`
	N      int64    `parquet:"n"`
	Time   int64    `parquet:"time,timestamp(nanosecond)"`
	OK     bool     `parquet:"ok"`
	Amount Decimal  `parquet:"amount,decimal(18:38)"`
	Maybe  *Decimal `parquet:"maybe,decimal(18:38),optional"`
}

func must(t *testing.T, s string) Decimal {
	d, err := DecimalOf(events.MustNumber(s))
	if err != nil {
		t.Fatal(err)
	}
	if d.String() != s {
		t.Fatalf("%s becomes %v", s, d)
	}
	return d
}

// What is written is read by the library, and by what reads CSV.
func TestTable(t *testing.T) {
	small, large, negative := must(t, "0.000000000000000001"), must(t, "99999999999999999999"), must(t, "-12345.678")
	rows := []row{{"=a", 1, 1_760_130_903_123_456_789, true, small, nil}, {"b", -2, 0, false, large, &negative}}
	dir := t.TempDir()
	for _, f := range []Format{CSV, Parquet} {
		w, err := Create[row](filepath.Join(dir, "t"), f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			if err := w.Add(&rows[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil || w.Rows() != 2 {
			t.Fatal(err)
		}
	}
	got, err := parquet.ReadFile[row](filepath.Join(dir, "t.parquet"))
	if err != nil || !reflect.DeepEqual(got, rows) {
		t.Fatalf("%+v, %v", got, err)
	}
	file, err := os.Open(filepath.Join(dir, "t.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	p, err := parquet.OpenFile(file, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	for path, logical := range map[string]string{"amount": "DECIMAL(38,18)", "maybe": "DECIMAL(38,18)", "time": "TIMESTAMP(isAdjustedToUTC=true,unit=NANOS)"} {
		leaf, ok := p.Schema().Lookup(path)
		if !ok || leaf.Node.Type().LogicalType().String() != logical {
			t.Errorf("%s is %v", path, leaf.Node.Type().LogicalType())
		}
	}
	text, err := os.Open(filepath.Join(dir, "t.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	cells, err := csv.NewReader(text).ReadAll()
	want := [][]string{{"name", "n", "time", "ok", "amount", "maybe"}, {"'=a", "1", "2025-10-10T21:15:03.123456789Z", "true", "0.000000000000000001", ""},
		{"b", "-2", "", "false", "99999999999999999999", "-12345.678"}}
	if err != nil || !reflect.DeepEqual(cells, want) {
		t.Fatalf("%q, %v", cells, err)
	}
}

func TestDecimalOf(t *testing.T) {
	for _, s := range []string{"100000000000000000000", "-100000000000000000000", "0.0000000000000000001"} {
		if _, err := DecimalOf(events.MustNumber(s)); !errors.Is(err, ErrWide) {
			t.Errorf("%s: %v", s, err)
		}
	}
	must(t, "-99999999999999999999.999999999999999999")
	must(t, "0")
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{"": "", "-2.5": "-2.5", "-": "'-", "--2": "'--2", "-2+3": "'-2+3", "+2": "'+2", "@x": "'@x", "a=b": "a=b", "\tx": "'\tx"} {
		if got := Plain(text); got != want {
			t.Errorf("%q becomes %q, expected %q", text, got, want)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := Create[row](filepath.Join(dir, "t"), "xlsx"); err == nil {
		t.Error("no error")
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("%v, %v", files, err)
	}
}
