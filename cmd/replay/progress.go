package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress draws a bar, where somebody watches.
type progress struct {
	out   io.Writer // nil: nobody does
	what  string
	total int64
	done  int64
	begun time.Time
	drawn time.Time
}

// newProgress makes one that draws if out is a terminal.
func newProgress(out io.Writer) *progress {
	p := &progress{}
	if f, ok := out.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
			p.out = out
		}
	}
	return p
}

// Begin implements audit.Progress.
func (p *progress) Begin(what string, total int64) {
	p.what, p.total, p.done, p.begun, p.drawn = what, total, 0, time.Now(), time.Time{}
	p.draw()
}

// Add implements audit.Progress.
func (p *progress) Add(n int64) {
	p.done += n
	p.draw()
}

func (p *progress) draw() {
	const every, width = 100 * time.Millisecond, 40
	now := time.Now()
	if p.out == nil || now.Sub(p.drawn) < every {
		return
	}
	p.drawn = now
	rate := int64(float64(p.done) / max(now.Sub(p.begun).Seconds(), 1e-3))
	if p.total == 0 {
		fmt.Fprintf(p.out, "\r\x1b[K%s: %d  %d/s", p.what, p.done, rate)
		return
	}
	full := int(min(p.done, p.total) * width / p.total)
	fmt.Fprintf(p.out, "\r\x1b[K%-9s [%s%s] %d of %d  %d/s", p.what, strings.Repeat("=", full), strings.Repeat(" ", width-full), p.done, p.total, rate)
}

// end takes the bar away.
func (p *progress) end() {
	if p.out != nil && !p.begun.IsZero() {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
