package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
)

// watchInterval is how often the topics are looked at.
const watchInterval = 5 * time.Second

// watch returns an error once the topics are not what they were when it began: a partition that was added to one would
// not be read before the next term, while keys land on it at once. A cluster that does not answer is asked again.
func watch(ctx context.Context, cfg *Config, log Log) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	var first *orderlog.Fence
	for {
		attempt, cancel := context.WithTimeout(ctx, watchInterval)
		now, err := observe(attempt, cfg, log, 0)
		var unknown *eventlog.UnknownTopicError
		switch late := attempt.Err() != nil; {
		case err == nil && first == nil:
			first = now
		case err == nil:
			err = checkFence(first, now)
		case late, errors.As(err, &unknown): // Who reads or writes a topic that is gone will stop by itself.
			err = nil
		}
		cancel()
		if err != nil {
			return fmt.Errorf("the topics have changed: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
