package main

import "marginledger/internal/audit"

// span is a stretch of the past.
type span struct {
	From string `help:"What is before this point is left out, or in the opening balance. Default: the beginning of what is there." placeholder:"POINT"`
	To   string `help:"Last moment: ${points}." placeholder:"POINT" default:"end"`
}

// points returns its ends; from is nil where it is the beginning.
func (s *span) points() (from *audit.Point, to audit.Point, err error) {
	if to, err = audit.ParsePoint(s.To); err != nil || s.From == "" {
		return nil, to, err
	}
	p, err := audit.ParsePoint(s.From)
	return &p, to, err
}
