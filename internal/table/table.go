// Package table writes rows as CSV or as Parquet: a struct is a row, and its fields' parquet tags name the columns. It is
// the only package that imports a Parquet library.
package table

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"marginledger/events"
	"marginledger/internal/fixed"
)

// Format says how rows are written.
type Format string

// The formats.
const (
	CSV     Format = "csv"
	Parquet Format = "parquet"
)

// DecimalScale is the number of digits after the point of every Decimal. Fields have the tag decimal(18:38).
const DecimalScale = 18

// Decimal is a number at DecimalScale, 128 bits, the most significant byte first: Parquet's DECIMAL(38, 18). A pointer to
// one may be null.
type Decimal [16]byte

// ErrWide means that a number does not fit 38 digits with 18 of them after the point.
var ErrWide = errors.New("does not fit DECIMAL(38, 18)")

// DecimalOf returns a present number as a Decimal.
func DecimalOf(n events.Number) (Decimal, error) {
	v, err := n.At(DecimalScale)
	if err != nil || v.Cmp(tooMuch) >= 0 || v.Neg().Cmp(tooMuch) >= 0 {
		return Decimal{}, fmt.Errorf("%v %w", n, ErrWide)
	}
	var d Decimal
	for i := range 8 {
		d[i], d[8+i] = byte(uint64(v.Hi)>>(56-8*i)), byte(v.Lo>>(56-8*i))
	}
	return d, nil
}

// tooMuch is the first number of 39 digits.
var tooMuch = fixed.FromInt64(1e18).Mul(1e18).Mul(100)

// String returns the number as a decimal.
func (d Decimal) String() string {
	var v fixed.Int128
	for i := range 8 {
		v.Hi, v.Lo = v.Hi<<8|int64(d[i]), v.Lo<<8|uint64(d[8+i])
	}
	return events.NumberOf(v, DecimalScale).String()
}

// Writer writes the rows of one table.
type Writer[T any] struct {
	file    *os.File
	csv     *csv.Writer
	parquet *parquet.GenericWriter[T]
	rows    int64
	cells   []string
	one     [1]T
}

// Create begins a table; the format is the suffix of its file.
func Create[T any](path string, f Format) (*Writer[T], error) {
	file, err := os.Create(path + "." + string(f))
	if err != nil {
		return nil, err
	}
	w := &Writer[T]{file: file}
	switch f {
	case Parquet:
		w.parquet = parquet.NewGenericWriter[T](file, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("marginledger", "1", ""))
		return w, nil
	case CSV:
		w.csv = csv.NewWriter(file)
		t := reflect.TypeFor[T]()
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("parquet"), ",")
			w.cells = append(w.cells, name)
		}
		return w, w.csv.Write(w.cells)
	}
	return nil, errors.Join(fmt.Errorf("there is no format %q", f), file.Close(), os.Remove(file.Name()))
}

// Add writes a row.
func (w *Writer[T]) Add(row *T) error {
	w.rows++
	if w.parquet != nil {
		w.one[0] = *row
		_, err := w.parquet.Write(w.one[:])
		return err
	}
	v := reflect.ValueOf(row).Elem()
	for i := range w.cells {
		w.cells[i] = cell(v.Field(i), v.Type().Field(i).Tag.Get("parquet"))
	}
	return w.csv.Write(w.cells)
}

// cell is a field as text.
func cell(v reflect.Value, tag string) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case Decimal:
		return x.String()
	case string:
		return Plain(x)
	case bool:
		return strconv.FormatBool(x)
	case int64:
		if strings.Contains(tag, "timestamp(") {
			if x == 0 {
				return ""
			}
			return time.Unix(0, x).UTC().Format(time.RFC3339Nano)
		}
		return strconv.FormatInt(x, 10)
	}
	panic(fmt.Sprintf("table: a field of type %v", v.Type())) // the rows are ours
}

// Plain keeps a spreadsheet from taking a text for a formula: such texts get an apostrophe in front. Numbers stay as they are.
func Plain(text string) string {
	if text == "" || !strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return text
	}
	digits := strings.TrimLeft(text, "-")
	if len(text)-len(digits) == 1 && digits != "" && strings.Trim(digits, "0123456789.") == "" {
		return text
	}
	return "'" + text
}

// Rows returns how many were written.
func (w *Writer[T]) Rows() int64 { return w.rows }

// Close ends the table.
func (w *Writer[T]) Close() error {
	var err error
	if w.parquet != nil {
		err = w.parquet.Close()
	} else {
		w.csv.Flush()
		err = w.csv.Error()
	}
	return errors.Join(err, w.file.Sync(), w.file.Close())
}
