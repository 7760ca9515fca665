package events

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

var decimalForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// checkNumber holds ParseNumber against shopspring/decimal and the grammar.
func checkNumber(t *testing.T, text string) {
	n, err := ParseNumber(text)
	if !decimalForm.MatchString(text) {
		if !errors.Is(err, ErrNumberSyntax) {
			t.Fatalf("%q is no decimal: %v, %v", text, n, err)
		}
		return
	}
	want, wantErr := decimal.NewFromString(text)
	if wantErr != nil {
		t.Fatalf("%q: shopspring: %v", text, wantErr)
	}
	kept := text
	if strings.Contains(text, ".") {
		kept = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	_, fraction, _ := strings.Cut(kept, ".")
	digits := len(strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(kept), "0"))
	if digits > MaxNumberDigits || len(fraction) > MaxNumberScale {
		if !errors.Is(err, ErrNumberRange) {
			t.Fatalf("%q has %d digits, %d after the point: %v", text, digits, len(fraction), err)
		}
		return
	}
	if err != nil || !n.Present {
		t.Fatalf("%q: %v", text, err)
	}
	if !n.Decimal().Equal(want) || int(n.Scale) != len(fraction) || n.Sign() != want.Sign() {
		t.Fatalf("%q: got %v with scale %d", text, n, n.Scale)
	}
	if again, err := ParseNumber(n.Append(nil)); err != nil || again != n {
		t.Fatalf("%q: its text %q: %v, %v", text, n, again, err)
	}
}

func FuzzNumber(f *testing.F) {
	for _, s := range numberTexts {
		f.Add(s)
	}
	f.Fuzz(checkNumber)
}

var numberTexts = []string{"", "-", "0", "-0", "00", "01", "1.", ".1", "1.0", "-1.50", "1e3", "+1", "1_0", " 1", "0x1", "1.2.3", "--1", "٣",
	strings.Repeat("9", 38), strings.Repeat("9", 39), "-" + strings.Repeat("9", 38), "0." + strings.Repeat("9", 38), "0." + strings.Repeat("9", 39),
	"1" + strings.Repeat("0", 38), "0." + strings.Repeat("0", 37) + "1", "0." + strings.Repeat("0", 100), "1." + strings.Repeat("0", 100),
	"12345678901234567890.123456789012345678", "9999999999999999999", "999999999999999999", "1000000000000000000"}

func TestNumberAgainstShopspring(t *testing.T) {
	for _, s := range numberTexts {
		checkNumber(t, s)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	const chars = "0123456789012345678900000099.-e"
	for range 100_000 {
		b := make([]byte, rng.IntN(45))
		for i := range b {
			b[i] = chars[rng.IntN(len(chars)-2)]
			if rng.IntN(60) == 0 {
				b[i] = chars[rng.IntN(len(chars))]
			}
		}
		checkNumber(t, string(b))
	}
}

// TestNumberCmp holds Cmp against shopspring, at scales where one side does not fit the other's.
func TestNumberCmp(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	random := func() Number {
		text := make([]byte, 1+rng.IntN(38))
		for i := range text {
			text[i] = byte('0' + rng.IntN(10))
		}
		coef, _ := new(big.Int).SetString(string(text), 10)
		if rng.IntN(2) == 0 {
			coef.Neg(coef)
		}
		n, err := FromDecimal(decimal.NewFromBigInt(coef, -int32(rng.IntN(39))))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 50_000 {
		a, b := random(), random()
		if rng.IntN(10) == 0 {
			b = a
		}
		if got, want := a.Cmp(b), a.Decimal().Cmp(b.Decimal()); got != want {
			t.Fatalf("%s.Cmp(%s) = %d, want %d", a, b, got, want)
		}
	}
	if (Number{}).Cmp(MustNumber("0")) != 0 {
		t.Error("an absent number is not compared as zero")
	}
}

// TestTime holds parseTime and appendTime against package time.
func TestTime(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	check := func(ns int64) {
		at := time.Unix(0, ns).UTC()
		text := string(appendTime(nil, ns))
		if want := at.Format(time.RFC3339Nano); text != want {
			t.Fatalf("%d: got %s, want %s", ns, text, want)
		}
		if got, ok := parseTime(text); !ok || got != ns {
			t.Fatalf("%s: got %d, %v, want %d", text, got, ok, ns)
		}
	}
	for _, ns := range []int64{0, 1, 999_999_999, 1_000_000_000, 1<<63 - 1, 951_782_399_999_999_999, 951_782_400_000_000_000} {
		check(ns)
	}
	for day := int64(0); day < 106_751; day++ { // every day until 2262
		check(day*secondsPerDay*nanos + rng.Int64N(secondsPerDay*nanos))
	}
	for _, text := range []string{"2262-04-11T23:47:16.854775808Z", "2262-04-11T23:47:17Z", "9999-12-31T23:59:59Z"} {
		if ns, ok := parseTime(text); ok {
			t.Errorf("%s: got %d", text, ns)
		}
	}
	// Every month and day that may be written.
	for _, year := range []int{1970, 1999, 2000, 2023, 2024, 2100} {
		for month := 0; month <= 13; month++ {
			for day := 0; day <= 32; day++ {
				text := string(appendTwo(append(appendTwo(append(appendTwo(appendTwo(nil, int64(year/100)), int64(year%100)), '-'), int64(month)), '-'), int64(day))) + "T00:00:00Z"
				at, err := time.Parse(time.RFC3339, text)
				ns, ok := parseTime(text)
				if ok != (err == nil) || (ok && ns != at.UnixNano()) {
					t.Fatalf("%s: got %d, %v; time says %v, %v", text, ns, ok, at, err)
				}
			}
		}
	}
}
