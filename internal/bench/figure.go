package bench

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Goal is a bound to reach, such as "> 150000", "< 10" or "<= 1.3"; "" where there is none.
type Goal string

// Met reports whether v reaches the goal; ok is false where there is none.
func (g Goal) Met(v float64) (met, ok bool) {
	direction, text, found := strings.Cut(string(g), " ")
	if !found {
		return false, false
	}
	bound, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(fmt.Sprintf("bench: goal %q", string(g))) // the goals are ours
	}
	switch direction {
	case "<":
		return v < bound, true
	case "<=":
		return v <= bound, true
	case ">":
		return v > bound, true
	case ">=":
		return v >= bound, true
	}
	panic(fmt.Sprintf("bench: goal %q", string(g)))
}

// String is the run as a table.
func (d *Document) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s%s\n\n", d.Date.Format("2006-01-02 15:04 MST"), d.Machine, map[bool]string{true: ", quick"}[d.Quick])
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tvalue\tunit\tgoal\t\tnote")
	for _, f := range d.Figures {
		verdict := ""
		if met, ok := f.Goal.Met(f.Value); ok {
			verdict = map[bool]string{true: "reached", false: "MISSED"}[met]
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", f.Name, strconv.FormatFloat(f.Value, 'f', -1, 64), f.Unit, f.Goal, verdict, f.Note)
	}
	if err := w.Flush(); err != nil {
		panic(fmt.Sprintf("bench: %v", err)) // a strings.Builder takes everything
	}
	return b.String()
}
