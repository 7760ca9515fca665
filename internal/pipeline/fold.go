package pipeline

import (
	"marginledger/events"
	"marginledger/projector"
)

// Fold is the part of *projector.Shard that the pipeline uses.
type Fold interface {
	Apply(r *projector.Record) *projector.Effects
	ReadAhead(next []*events.Event)
	Waits(e *events.Event) bool
	Counters() projector.Counters

	TakeChanged(f func(projector.Row))
	TakeSeen(f func(src projector.Source, entries []byte))

	LoadRow(key, value []byte) error
	LoadSeen(src projector.Source, entries []byte)
	Loaded(c projector.Counters) error

	EachRow(f func(projector.Row))
}

// newFold is the fold of every shard but where Config.NewFold says otherwise.
func newFold(cfg projector.Config) Fold { return projector.New(cfg) }
