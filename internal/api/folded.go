package api

import (
	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// Folded returns a Cut of rows that were folded again: its answers are those that the service gave. head is that of the
// last whole cut, n the last record, which may lie behind it; get returns the value of a row.
func Folded(head *orderlog.Head, n uint64, get func(key []byte) ([]byte, bool, error)) Cut {
	h := *head
	h.Counters.N = n
	return foldedCut{&nodeCut{head: &h, rows: projector.OpenView(get)}}
}

// foldedCut has nothing to close.
type foldedCut struct{ *nodeCut }

func (foldedCut) Close() error { return nil }
