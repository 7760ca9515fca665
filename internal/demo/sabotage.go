package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/store"
	"marginledger/projector"
)

// Sabotages are the ways to damage a kept day, each of which exactly one check finds.
var Sabotages = []string{"flip-row", "drop-output", "dup-output", "lose-input"}

// Sabotage damages the day kept in dir: to see that the checks see it.
func Sabotage(ctx context.Context, command []string, dir, how string) (err error) {
	d, err := keptDay(dir)
	if err != nil {
		return err
	}
	if how == "flip-row" {
		return flipRow(filepath.Join(dir, "ledger"))
	}
	c, err := startCluster(ctx, command, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	outputs, accounts := events.StreamLiquidations.String(), topicAccounts
	switch how {
	case "drop-output":
		return rewrite(ctx, c.client, d, outputs, func(recs []eventlog.Record, i int) []eventlog.Record {
			return append(recs[:i:i], recs[i+1:]...)
		})
	case "dup-output":
		return rewrite(ctx, c.client, d, outputs, func(recs []eventlog.Record, i int) []eventlog.Record {
			return append(recs[:i+1:i+1], recs[i:]...)
		})
	case "lose-input":
		return rewrite(ctx, c.client, d, accounts, func(recs []eventlog.Record, i int) []eventlog.Record {
			return append(recs[:i:i], recs[i+1:]...)
		})
	}
	return fmt.Errorf("sabotage %q: want one of %q", how, Sabotages)
}

// flipRow flips a bit in the stored balance of a system account: money appears from nowhere.
func flipRow(dataDir string) (err error) {
	s, err := store.Open(store.ShardDir(dataDir, 0), store.Options{DedupeWindow: projector.DefaultDedupeWindow})
	if err != nil {
		return fmt.Errorf("flip a row: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	head, err := s.Head()
	if err != nil {
		return fmt.Errorf("flip a row: %w", err)
	}
	var key, value []byte
	const systemAccounts = 0x40 // docs/formats/rows.md: the value ends in the balance's magnitude
	v, err := s.View()
	if err != nil {
		return fmt.Errorf("flip a row: %w", err)
	}
	err = v.Rows([]byte{systemAccounts}, func(r projector.Row) error {
		key, value = append([]byte(nil), r.Key...), append([]byte(nil), r.Value...)
		return nil
	})
	if err = errors.Join(err, v.Close()); err != nil {
		return fmt.Errorf("flip a row: %w", err)
	}
	if head == nil || len(value) == 0 {
		return errors.New("flip a row: there is no balance yet")
	}
	value[len(value)-1] ^= 0x04
	b := s.NewBatch()
	b.Row(key, value)
	if err := b.Commit(head); err != nil {
		return fmt.Errorf("flip a row: %w", err)
	}
	return nil
}

// rewrite deletes a topic and makes it again with the same records, but for what damage does around
// the middle record of the first partition that has any.
func rewrite(ctx context.Context, c *eventlog.Client, d Day, topic string, damage func(recs []eventlog.Record, i int) []eventlog.Record) error {
	parts := make([][]eventlog.Record, d.Shards)
	damaged := false
	for p := range parts {
		recs, err := readAll(ctx, c, topic, int32(p))
		if err != nil {
			return err
		}
		if i := middle(recs); i >= 0 && !damaged {
			recs, damaged = damage(recs, i), true
		}
		parts[p] = recs
	}
	if !damaged {
		return fmt.Errorf("rewrite %s: it is empty", topic)
	}
	if err := c.DeleteTopic(ctx, topic); err != nil {
		return err
	}
	for _, spec := range d.plan().Specs() {
		if spec.Name == topic {
			if err := c.CreateTopics(ctx, []eventlog.TopicSpec{spec}); err != nil {
				return err
			}
		}
	}
	producer, err := c.NewProducer(ctx, "")
	if err != nil {
		return err
	}
	for p, recs := range parts {
		a := producer.Async(ctx, topic, int32(p))
		for i := range recs {
			r := &recs[i]
			if err := a.Add(eventlog.ProduceRecord{Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp}); err != nil {
				return err
			}
		}
		if err := a.Close(); err != nil {
			return err
		}
	}
	return nil
}

func readAll(ctx context.Context, c *eventlog.Client, topic string, partition int32) ([]eventlog.Record, error) {
	start, end, err := c.Offsets(ctx, topic, partition)
	if err != nil {
		return nil, err
	}
	var recs []eventlog.Record
	err = c.ReadRange(ctx, topic, partition, start, end, func(r eventlog.Record) error {
		recs = append(recs, r)
		return nil
	})
	return recs, err
}

// middle returns the place of a record in the middle that is no control record, or -1.
func middle(recs []eventlog.Record) int {
	for i := len(recs) / 2; i < len(recs); i++ {
		if !orderlog.IsControl(recs[i].Headers) {
			return i
		}
	}
	return -1
}
