package lz

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	var p Packer
	for want, plain := range map[Codec][][]byte{Stored: {{}, {1}, noise}, LZ4: {make([]byte, 9000), bytes.Repeat(noise[:50], 40)}} {
		for _, b := range plain {
			c, stored := p.Pack(b)
			if c != want {
				t.Errorf("%d bytes are packed with codec %d, expected %d", len(b), c, want)
			}
			got, err := Unpack(c, stored, len(b))
			if err != nil || !bytes.Equal(got, b) {
				t.Errorf("%d bytes: %v", len(b), err)
			}
			for _, n := range []int{len(b) - 1, len(b) + 1, 1 << 40} {
				if _, err := Unpack(c, stored, n); err == nil {
					t.Errorf("%d bytes unpack to %d", len(b), n)
				}
			}
		}
	}
	if _, err := Unpack(7, []byte("x"), 1); err == nil {
		t.Error("an unknown codec")
	}
}

func FuzzUnpack(f *testing.F) {
	var p Packer
	_, stored := p.Pack(make([]byte, 300))
	f.Add(byte(1), stored, 300)
	f.Fuzz(func(t *testing.T, c byte, stored []byte, plain int) {
		if b, err := Unpack(Codec(c), stored, plain); err == nil && len(b) != plain {
			t.Fatalf("%d bytes, expected %d", len(b), plain)
		}
	})
}
