package auditbench

import (
	"marginledger/internal/audit"
	"marginledger/internal/bench"
	"os"
	"testing"
	"time"
)

func TestScratch(t *testing.T) {
	dir := os.Getenv("SCRATCH")
	if dir == "" {
		t.Skip()
	}
	if _, err := os.Stat(dir); err != nil {
		b := time.Now()
		if err := makePast(t.Context(), dir, size{100_000, 200, 2_000_000, 1000, 500}, t.Logf); err != nil {
			t.Fatal(err)
		}
		t.Log("made", time.Since(b))
	}
	p, err := audit.OpenArchive(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, un := range []bool{false, true} {
		b, c := time.Now(), bench.CPUTime()
		r, err := audit.Verify(t.Context(), p, audit.VerifyOptions{Unhashed: un})
		if err != nil || !r.Agrees {
			t.Fatal(err, r)
		}
		cpu := bench.CPUTime() - c
		n := r.Shards[0].Records
		t.Logf("unhashed %v: %d records, wall %v, cpu %v = %d ns, %.0f eps", un, n, time.Since(b), cpu, int64(cpu)/int64(n), float64(n)/cpu.Seconds())
	}
}
