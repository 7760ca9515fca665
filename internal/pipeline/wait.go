package pipeline

import (
	"context"
	"sync"
)

// signal wakes all who wait for a condition.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

func (s *signal) init() { s.ch = make(chan struct{}) }

func (s *signal) broadcast() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.ch)
	s.ch = make(chan struct{})
}

// wait returns once ok holds, or with the cause of the context's end. ok is looked at again after every broadcast.
func (s *signal) wait(ctx context.Context, ok func() bool) error {
	for {
		s.mu.Lock()
		ch := s.ch
		s.mu.Unlock()
		if ok() {
			return nil
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// budget bounds a number of bytes in flight. One taker may exceed it if nothing else is in flight.
type budget struct {
	mu      sync.Mutex
	limit   int
	used    int
	peak    int
	changed signal
}

func (b *budget) init(limit int) {
	b.limit = limit
	b.changed.init()
}

func (b *budget) take(ctx context.Context, n int) error {
	return b.changed.wait(ctx, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.used > 0 && b.used+n > b.limit {
			return false
		}
		b.used += n
		b.peak = max(b.peak, b.used)
		return true
	})
}

func (b *budget) give(n int) {
	b.mu.Lock()
	b.used -= n
	b.mu.Unlock()
	b.changed.broadcast()
}

// wait returns once nothing is in flight.
func (b *budget) wait(ctx context.Context) error {
	return b.changed.wait(ctx, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.used == 0
	})
}
