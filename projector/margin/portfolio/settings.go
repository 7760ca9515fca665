package portfolio

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"marginledger/events"
	"marginledger/projector/margin"
)

// Bounds of the settings (§2).
const (
	MaxGroups    = 128                    // group numbers are 1 to this
	MaxShock     = 5 * margin.OneMultiple // a price rises by 500 % at most
	maxSteps     = 50                     // of the plain grid, to one side
	maxInitial   = 10 * margin.OneMultiple
	ownScenarios = 99 // scenario numbers are 01 to this
)

// settings are those of §2, at MultipleScale. They never change.
type settings struct {
	grid          []scenario
	groups        map[string]int // numbers, by underlying
	offsets       []offset       // by share, falling, then by groups
	contingency   []int64        // by group number; [0]: of groups of their own
	initialFactor int64

	// What a value that rises, or falls, by 1 adds to the requirement at most, by group number; and
	// that of a balance with a cap, whichever way.
	rises, falls []int64
	capped       []int64
}

// scenario is one line of the grid.
type scenario struct {
	name   string
	weight int64
	shock  int64   // of groups that have none of their own
	shocks []int64 // by group number; nil: the same for all
}

// at returns the shock of a group.
func (s *scenario) at(group int) int64 {
	if s.shocks == nil {
		return s.shock
	}
	return s.shocks[group]
}

// offset is the share of the smaller of two opposite results that counts against the loss.
type offset struct {
	a, b  int // group numbers, a < b
	share int64
}

// reader reads settings param by param.
type reader struct {
	grid        int64
	width, step int64
	initial     int64
	underlyings map[string]int
	numbers     [MaxGroups + 1]bool // groups that have an underlying
	offsets     []offset
	contingency [MaxGroups + 1]int64
	contingent  [MaxGroups + 1]bool // has a contingency of its own
	own         [ownScenarios + 1]ownScenario
	named       []int // group numbers that params refer to
	sized       bool  // range or step is set
}

type ownScenario struct {
	shocked, weighted bool
	shock, weight     int64
	groups            []groupShock
}

type groupShock struct {
	group int
	shock int64
}

func newReader() *reader {
	return &reader{width: 150_000, step: 30_000, initial: 1_250_000, underlyings: map[string]int{}}
}

var (
	errRange   = errors.New("out of range")
	errGroup   = errors.New("no group of that number")
	errName    = errors.New("not a name of this profile")
	errGrid    = errors.New("no scenario: grid is 0, and there is no shock")
	errPlain   = errors.New("range and step are of a plain grid: grid 1 or 3")
	errSteps   = errors.New("range is not 1 to 50 steps")
	errNoShock = errors.New("the scenario has no shock")
)

// set takes a param, and says whether it is one of this profile.
func (r *reader) set(s events.Param) (known bool, err error) {
	head, rest, dotted := strings.Cut(s.Name, ".")
	switch {
	case !dotted:
		return r.setPlain(s)
	case head == "group":
		return true, r.setGroup(rest, s.Value)
	case head == "offset":
		return true, r.setOffset(rest, s.Value)
	case head == "contingency":
		var g int
		if g, err = r.group(rest); err == nil {
			err = scaled(&r.contingency[g], s.Value, margin.MultipleScale, 0, margin.OneMultiple)
			r.contingent[g] = true
			r.named = append(r.named, g)
		}
		return true, err
	case head == "shock":
		return true, r.setShock(rest, s.Value)
	case head == "weight":
		var k int
		if k, err = scenarioNumber(rest); err == nil {
			r.own[k].weighted = true
			err = scaled(&r.own[k].weight, s.Value, margin.MultipleScale, 1, margin.OneMultiple)
		}
		return true, err
	}
	return false, nil
}

func (r *reader) setPlain(s events.Param) (known bool, err error) {
	switch s.Name {
	case "grid":
		return true, scaled(&r.grid, s.Value, 0, 0, 3)
	case "range":
		r.sized = true
		return true, scaled(&r.width, s.Value, margin.MultipleScale, 1, margin.OneMultiple)
	case "step":
		r.sized = true
		return true, scaled(&r.step, s.Value, margin.MultipleScale, 1, margin.OneMultiple)
	case "initialFactor":
		return true, scaled(&r.initial, s.Value, margin.MultipleScale, margin.OneMultiple, maxInitial)
	case "contingency":
		return true, scaled(&r.contingency[0], s.Value, margin.MultipleScale, 0, margin.OneMultiple)
	}
	return false, nil
}

func (r *reader) setGroup(underlying string, n events.Number) error {
	var g int64
	if underlying == "" {
		return errName
	}
	if err := scaled(&g, n, 0, 1, MaxGroups); err != nil {
		return err
	}
	r.underlyings[underlying] = int(g)
	r.numbers[g] = true
	return nil
}

func (r *reader) setOffset(pair string, n events.Number) error {
	first, second, _ := strings.Cut(pair, ".")
	a, err := r.group(first)
	if err != nil {
		return err
	}
	b, err := r.group(second)
	if err != nil {
		return err
	}
	if a >= b {
		return errName
	}
	o := offset{a: a, b: b}
	if err := scaled(&o.share, n, margin.MultipleScale, 0, margin.OneMultiple); err != nil {
		return err
	}
	r.offsets = append(r.offsets, o)
	r.named = append(r.named, a, b)
	return nil
}

func (r *reader) setShock(of string, n events.Number) error {
	number, group, grouped := strings.Cut(of, ".")
	k, err := scenarioNumber(number)
	if err != nil {
		return err
	}
	own := &r.own[k]
	if !grouped {
		own.shocked = true
		return scaled(&own.shock, n, margin.MultipleScale, -margin.OneMultiple, MaxShock)
	}
	text, ok := strings.CutPrefix(group, "g")
	if !ok {
		return errName
	}
	s := groupShock{}
	if s.group, err = r.group(text); err != nil {
		return err
	}
	r.named = append(r.named, s.group)
	err = scaled(&s.shock, n, margin.MultipleScale, -margin.OneMultiple, MaxShock)
	own.groups = append(own.groups, s)
	return err
}

// group reads a group number: no sign, no leading zero.
func (r *reader) group(text string) (int, error) {
	g, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(g) != text || g < 1 || g > MaxGroups {
		return 0, errName
	}
	return g, nil
}

// scenarioNumber reads 01 to 99, in two digits.
func scenarioNumber(text string) (int, error) {
	if len(text) != 2 || text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9' || text == "00" {
		return 0, errName
	}
	return int(text[0]-'0')*10 + int(text[1]-'0'), nil
}

func scaled(dst *int64, n events.Number, scale int, low, high int64) error {
	v, err := n.Int64At(scale)
	if err != nil {
		return err
	}
	if v < low || v > high {
		return fmt.Errorf("%s is %w", n, errRange)
	}
	*dst = v
	return nil
}

// settings checks what belongs together, and works out the grid.
func (r *reader) settings() (settings, error) {
	s := settings{groups: r.underlyings, offsets: r.offsets, contingency: r.contingency[:], initialFactor: r.initial}
	for _, g := range r.named {
		if !r.numbers[g] {
			return s, fmt.Errorf("group %d: %w", g, errGroup)
		}
	}
	for g := range s.contingency {
		if !r.contingent[g] {
			s.contingency[g] = r.contingency[0]
		}
	}
	plain := r.grid&1 != 0
	switch {
	case r.sized && !plain:
		return s, errPlain
	case plain && (r.width%r.step != 0 || r.width/r.step > maxSteps):
		return s, errSteps
	}
	if plain {
		s.grid = plainGrid(r.width, r.step)
	}
	if r.grid&2 != 0 {
		s.grid = append(s.grid, tails...)
	}
	if err := r.appendOwn(&s); err != nil {
		return s, err
	}
	if len(s.grid) == 0 {
		return s, errGrid
	}
	slices.SortStableFunc(s.offsets, func(o, q offset) int {
		switch {
		case o.share != q.share:
			return int(q.share - o.share)
		case o.a != q.a:
			return o.a - q.a
		}
		return o.b - q.b
	})
	s.slopes()
	return s, nil
}

// appendOwn adds the scenarios that params describe, by number.
func (r *reader) appendOwn(s *settings) error {
	for k := range r.own {
		own := &r.own[k]
		if !own.shocked {
			if own.weighted || len(own.groups) > 0 {
				return fmt.Errorf("scenario %02d: %w", k, errNoShock)
			}
			continue
		}
		line := scenario{name: fmt.Sprintf("%02d", k), weight: margin.OneMultiple, shock: own.shock}
		if own.weighted {
			line.weight = own.weight
		}
		if len(own.groups) > 0 {
			line.shocks = slices.Repeat([]int64{own.shock}, MaxGroups+1)
			for _, g := range own.groups {
				line.shocks[g.group] = g.shock
			}
		}
		s.grid = append(s.grid, line)
	}
	return nil
}

// slopes works out how much of a value's move the requirement can follow: weight · shock, rounded up.
func (s *settings) slopes() {
	s.rises, s.falls, s.capped = make([]int64, MaxGroups+1), make([]int64, MaxGroups+1), make([]int64, MaxGroups+1)
	for k := range s.grid {
		line := &s.grid[k]
		for g := range s.rises {
			shock := line.at(g)
			part := (line.weight*max(shock, -shock) + margin.OneMultiple - 1) / margin.OneMultiple
			if shock < 0 {
				s.rises[g] = max(s.rises[g], part)
			} else {
				s.falls[g] = max(s.falls[g], part)
			}
			s.capped[g] = max(s.capped[g], part, line.weight)
		}
	}
}
