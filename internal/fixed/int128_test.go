package fixed

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/shopspring/decimal"
)

// edges are the values at which words carry, borrow and overflow.
func edges() []Int128 {
	out := []Int128{{}, Max, Min, {Hi: 0, Lo: 1<<64 - 1}, {Hi: -1, Lo: 0}, {Hi: 1, Lo: 0}, {Hi: -1 << 63, Lo: 1}}
	for _, v := range []int64{1, -1, 9, 10, 1e18, -1e18, 1<<63 - 1, -1 << 63} {
		out = append(out, FromInt64(v))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		v := Int128{Hi: int64(r.Uint64()) >> r.UintN(64), Lo: r.Uint64() >> r.UintN(64)}
		out = append(out, v)
	}
	return out
}

func TestAgainstBig(t *testing.T) {
	same := func(op string, got Int128, ok bool, want *big.Int) {
		t.Helper()
		_, fits := FromBig(want)
		if ok != fits || (ok && got.Big().Cmp(want) != 0) {
			t.Fatalf("%s: got %v ok=%v, want %v fits=%v", op, got, ok, want, fits)
		}
	}
	for _, a := range edges() {
		if back, ok := FromBig(a.Big()); !ok || back != a {
			t.Fatalf("FromBig(%v) = %v, %v", a.Big(), back, ok)
		}
		for _, b := range edges() {
			if a.Bits() != a.Big().BitLen() {
				t.Fatalf("bits of %v", a)
			}
			r, ok := a.AddOK(b)
			same("add", r, ok, new(big.Int).Add(a.Big(), b.Big()))
			r, ok = a.SubOK(b)
			same("sub", r, ok, new(big.Int).Sub(a.Big(), b.Big()))
			if a.Cmp(b) != a.Big().Cmp(b.Big()) || a.Less(b) != (a.Cmp(b) < 0) {
				t.Fatalf("cmp %v %v", a, b)
			}
			if a.Sign() >= 0 && b.Sign() > 0 {
				wantQ, wantR := new(big.Int).QuoRem(a.Big(), b.Big(), new(big.Int))
				if q, inexact := Divide(a, b); q.Big().Cmp(wantQ) != 0 || inexact != (wantR.Sign() != 0) {
					t.Fatalf("%v / %v = %v, %v", a, b, q, inexact)
				}
			}
			if a.Sign() >= 0 && b.Sign() >= 0 && a.Bits()+b.Bits() <= 127 {
				if p := Multiply(a, b); p.Big().Cmp(new(big.Int).Mul(a.Big(), b.Big())) != 0 {
					t.Fatalf("%v · %v = %v", a, b, p)
				}
			}
			m, d := int64(b.Lo), int64(a.Lo)
			r, ok = a.MulOK(m)
			same("mul", r, ok, new(big.Int).Mul(a.Big(), big.NewInt(m)))
			if p := Product(m, d); p.Big().Cmp(new(big.Int).Mul(big.NewInt(m), big.NewInt(d))) != 0 {
				t.Fatalf("product %d %d = %v", m, d, p)
			}
			x, y := m&(1<<63-1), d&(1<<63-1)
			wantCmp := new(big.Int).Mul(a.Big(), big.NewInt(x)).Cmp(new(big.Int).Mul(b.Big(), big.NewInt(y)))
			if got := CmpProducts(a, x, b, y); got != wantCmp {
				t.Fatalf("cmp %v·%d with %v·%d = %d", a, x, b, y, got)
			}
			if n := int(b.Lo % 128); a.Shift(n).Big().Cmp(new(big.Int).Rsh(a.Big(), uint(n))) != 0 {
				t.Fatalf("%v >> %d", a, n)
			}
			if d == 0 {
				continue
			}
			q, inexact, negative, ok := QuoRem(b, m, d)
			full := new(big.Int).Mul(b.Big(), big.NewInt(m))
			wantQ, wantR := new(big.Int).QuoRem(full, big.NewInt(d), new(big.Int))
			if ok != (wantQ.BitLen() <= 127) {
				t.Fatalf("quorem fits: %v·%d/%d", b, m, d)
			}
			if !ok {
				continue
			}
			got := q.Big()
			if negative {
				got.Neg(got)
			}
			if got.Cmp(wantQ) != 0 || inexact != (wantR.Sign() != 0) {
				t.Fatalf("quorem %v·%d/%d = %v %v", b, m, d, got, inexact)
			}
		}
	}
}

func TestAppend(t *testing.T) {
	for _, a := range edges() {
		for _, scale := range []int{0, 1, 6, 12, 18, 38} {
			want := decimal.NewFromBigInt(a.Big(), -int32(scale)).String()
			if got := string(a.Append(nil, scale)); got != want {
				t.Fatalf("%v at scale %d: %s, want %s", a, scale, got, want)
			}
		}
	}
}
