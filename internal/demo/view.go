package demo

import (
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"marginledger/events"
)

// glance is what the view shows: one look at everything that runs.
type glance struct {
	note    string    // what is going on before the exchange does, "" after
	repeat  float64   // how far that has come, 0 to 1
	made    int64     // facts of the exchange so far
	day     int64     // number of the day
	today   float64   // how far the day has come, 0 to 1: for the bar
	clock   time.Time // of the exchange
	phase   string
	applied uint64 // records folded
	lag     int64  // records not folded yet
	cut     uint64
	health  tallies
	opened  int    // accounts
	broken  uint64 // violations
	dead    uint64 // dead letters
	markets []ticker
	recent  []*events.Output // oldest first
	err     error
}

// ticker is a market's price now and at the beginning of the day.
type ticker struct {
	name        string
	mark, first events.Number
}

// screen is the live view. It looks four times a second; nothing waits for it.
type screen struct {
	look    func() glance
	now     glance
	at      time.Time
	rate    float64 // records folded per second, smoothed
	width   int
	height  int
	stopped bool
}

const lookEvery = 250 * time.Millisecond

type lookAgain time.Time

func again() tea.Cmd { return tea.Tick(lookEvery, func(t time.Time) tea.Msg { return lookAgain(t) }) }

// Init implements tea.Model.
func (s *screen) Init() tea.Cmd { return func() tea.Msg { return lookAgain(time.Now()) } }

// Update implements tea.Model.
func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = m.Width, m.Height
	case tea.KeyMsg:
		switch m.String() {
		case "ctrl+c", "q", "esc":
			s.stopped = true
			return s, tea.Quit
		}
	case lookAgain:
		s.see(s.look(), time.Time(m))
		if s.now.err != nil {
			return s, tea.Quit
		}
		return s, again()
	}
	return s, nil
}

// see takes a glance and works out the rate.
func (s *screen) see(g glance, at time.Time) {
	if d := at.Sub(s.at).Seconds(); !s.at.IsZero() && d > 0 && g.applied >= s.now.applied {
		if rate := float64(g.applied-s.now.applied) / d; s.rate == 0 {
			s.rate = rate
		} else {
			s.rate = s.rate*0.7 + rate*0.3
		}
	}
	s.now, s.at = g, at
}

var (
	bold = lipgloss.NewStyle().Bold(true)
	dim  = lipgloss.NewStyle().Faint(true)
	good = lipgloss.NewStyle().Foreground(lipgloss.Color("2"))
	warn = lipgloss.NewStyle().Foreground(lipgloss.Color("3"))
	bad  = lipgloss.NewStyle().Foreground(lipgloss.Color("1"))
)

// View implements tea.Model.
func (s *screen) View() string {
	g := &s.now
	var b strings.Builder
	fmt.Fprintf(&b, "%s  a made-up exchange, and the ledger on it%s\n\n", bold.Render("margin ledger demo"), dim.Render("   ctrl+c ends it"))
	if g.note != "" {
		fmt.Fprintf(&b, "%s %s\n\n", warn.Render(g.note), bar(g.repeat, 20))
	}
	if g.clock.IsZero() {
		b.WriteString(dim.Render("starting the broker, the exchange and the ledger") + "\n")
		return clip(b.String(), s.width)
	}
	fmt.Fprintf(&b, "day %d  %s  %s  %s\n", g.day+1, g.clock.UTC().Format("2006-01-02 15:04:05"), phaseStyle(g.phase).Render(fmt.Sprintf("%-8s", g.phase)), bar(g.today, 30))
	fmt.Fprintf(&b, "%s facts made   %s records folded   %s/s   lag %s   cut %d\n\n",
		thousands(g.made), thousands(int64(g.applied)), bold.Render(thousands(int64(s.rate))), thousands(g.lag), g.cut)
	b.WriteString(healthLine(g))
	b.WriteString("\n\n")
	rows := max(min(len(g.markets), s.height-10-8), 6)
	columns := lipgloss.JoinHorizontal(lipgloss.Top, marks(g.markets, rows), "    ", liquidations(g.recent, rows))
	b.WriteString(columns)
	b.WriteString("\n")
	return clip(b.String(), s.width)
}

func phaseStyle(phase string) lipgloss.Style {
	if phase == "crash" {
		return bad
	}
	return good
}

// healthLine shows the pools by margin health. Accounts that nothing was announced about are healthy.
func healthLine(g *glance) string {
	t := &g.health
	healthy := g.opened
	for _, n := range t.called {
		healthy -= n
	}
	for _, n := range t.stages {
		healthy -= n
	}
	return fmt.Sprintf("pools: %s %s  %s %s  %s %s  %s %s   in liquidation: partial %s  full %s  backstop %s  %s %s\n"+
		"so far: %s margin calls  %s liquidations  %s bankruptcies  %s violations  %s dead letters",
		good.Render("healthy"), count(max(healthy, 0)), warn.Render("called once"), count(t.called[0]),
		warn.Render("twice"), count(t.called[1]), warn.Render("three times"), count(t.called[2]),
		count(t.stages[events.StagePartial]), count(t.stages[events.StageFull]), count(t.stages[events.StageBackstop]),
		bad.Render("bankrupt"), count(t.stages[events.StageBankrupt]),
		count(t.counts[events.KindMarginCall]), count(t.counts[events.KindLiquidationTriggered]), count(t.counts[events.KindPoolBankrupt]),
		count(g.broken), count(g.dead))
}

func count[N int | uint64](n N) string { return thousands(int64(n)) }

// marks shows the first markets with their change of the day.
func marks(markets []ticker, rows int) string {
	var b strings.Builder
	b.WriteString(bold.Render(fmt.Sprintf("%-14s %12s %8s", "market", "mark", "today")))
	for _, m := range markets[:min(rows, len(markets))] {
		b.WriteString("\n")
		style, change := good, changeText(m)
		if strings.HasPrefix(change, "-") {
			style = bad
		}
		fmt.Fprintf(&b, "%-14s %12s %s", m.name, m.mark, style.Render(fmt.Sprintf("%8s", change)))
	}
	return b.String()
}

// changeText returns the change since the beginning of the day, in percent with one digit.
func changeText(m ticker) string {
	if m.first.Sign() <= 0 {
		return ""
	}
	permille := m.mark.Decimal().Sub(m.first.Decimal()).Shift(2).Div(m.first.Decimal())
	return permille.StringFixed(1) + "%"
}

// liquidations shows the last ones, the newest first, with their reason.
func liquidations(recent []*events.Output, rows int) string {
	var b strings.Builder
	b.WriteString(bold.Render("last liquidations"))
	for i := len(recent) - 1; i >= 0 && rows > 0; i, rows = i-1, rows-1 {
		o := recent[i]
		style := warn
		if o.Kind == events.KindPoolBankrupt {
			style = bad
		}
		fmt.Fprintf(&b, "\n%s %s/%d %-12s %s", style.Render(fmt.Sprintf("%-8s", o.Stage)), o.Owner, o.Subaccount, o.Pool, reason(o))
	}
	return b.String()
}

// reason says why a pool is liquidated, in one line.
func reason(o *events.Output) string {
	if o.Stage == events.StageBankrupt {
		return "equity " + round2(o.Equity) + " is below zero"
	}
	return "equity " + round2(o.Equity) + " < maintenance " + round2(o.Maintenance)
}

func round2(n events.Number) string { return n.Decimal().StringFixed(2) }

// bar draws how far something has come.
func bar(share float64, width int) string {
	n := min(max(int(share*float64(width)), 0), width)
	return strings.Repeat("█", n) + dim.Render(strings.Repeat("░", width-n)) + fmt.Sprintf(" %3.0f%%", share*100)
}

// thousands groups digits by three.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// clip cuts lines at the screen's width, so that the view never wraps.
func clip(s string, width int) string {
	if width <= 0 {
		return s
	}
	return lipgloss.NewStyle().MaxWidth(width).Render(s)
}
