package demo

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// Terminal reports whether f is one.
func Terminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) }

// progress tells people how far a day has come: a bar where they watch, now and then a line where not.
type progress struct {
	out      io.Writer
	terminal bool
	last     time.Time
	drawn    bool
}

// newProgress makes one; a nil writer says nothing.
func newProgress(out io.Writer) *progress {
	p := &progress{out: out, last: time.Now()}
	if f, ok := out.(*os.File); ok {
		p.terminal = Terminal(f)
	}
	return p
}

// due reports whether it is time to show something again: what is shown may cost something to find out.
func (p *progress) due() bool {
	every := 5 * time.Second
	if p.terminal {
		every = 100 * time.Millisecond
	}
	return p.out != nil && time.Since(p.last) >= every
}

// at shows done of all facts, which began to be done at a time.
func (p *progress) at(what string, done, all int64, since time.Time) {
	p.last = time.Now()
	perSecond := float64(done) / p.last.Sub(since).Seconds()
	share := float64(done) / float64(max(all, 1))
	if !p.terminal {
		fmt.Fprintf(p.out, "%s: %s of %s facts, %s/s\n", what, thousands(done), thousands(all), thousands(int64(perSecond)))
		return
	}
	p.drawn = true
	fmt.Fprintf(p.out, "\r\x1b[K%-9s %s %s of %s facts  %s/s", what, bar(share, 40), thousands(done), thousands(all), thousands(int64(perSecond)))
}

// say writes a line of its own.
func (p *progress) say(format string, args ...any) {
	if p.out == nil {
		return
	}
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
	fmt.Fprintf(p.out, format+"\n", args...)
}
