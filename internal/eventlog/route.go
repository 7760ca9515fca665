package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/findcoordinator"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// routes remembers the leader of each partition that was used. An entry is dropped as soon as a request to that
// leader fails, and looked up again by the next one: a leader that moves costs a round trip, not a timer.
type routes struct {
	mu      sync.Mutex
	leaders map[topicPartition]int32
}

// leader returns the node that leads the partition, asking the cluster if it is not known.
func (c *Client) leader(ctx context.Context, tp topicPartition) (int32, error) {
	c.routes.mu.Lock()
	node, ok := c.routes.leaders[tp]
	c.routes.mu.Unlock()
	if ok {
		return node, nil
	}
	res, err := c.metadata(ctx, []string{tp.topic})
	if err != nil {
		return 0, err
	}
	return c.learn(res, tp)
}

// learn stores all leaders of tp's topic and returns tp's.
func (c *Client) learn(res *metadata.Response, tp topicPartition) (int32, error) {
	for _, t := range res.Topics {
		if t.Name != tp.topic {
			continue
		}
		if t.ErrorCode == int16(kafka.UnknownTopicOrPartition) {
			return 0, &UnknownTopicError{Topic: tp.topic, Partition: -1}
		}
		if err := codeError(t.ErrorCode); err != nil {
			return 0, err
		}
		found, known := int32(-1), false
		c.routes.mu.Lock()
		if c.routes.leaders == nil {
			c.routes.leaders = make(map[topicPartition]int32)
		}
		for _, p := range t.Partitions {
			if p.PartitionIndex == tp.partition {
				known = true
			}
			if p.LeaderID < 0 {
				continue
			}
			c.routes.leaders[topicPartition{tp.topic, p.PartitionIndex}] = p.LeaderID
			if p.PartitionIndex == tp.partition {
				found = p.LeaderID
			}
		}
		c.routes.mu.Unlock()
		switch {
		case !known:
			return 0, &UnknownTopicError{Topic: tp.topic, Partition: tp.partition}
		case found < 0:
			return 0, kafka.LeaderNotAvailable
		}
		return found, nil
	}
	return 0, &UnknownTopicError{Topic: tp.topic, Partition: -1}
}

// forget drops what is known about a partition's leader, if it is still what the caller used.
func (c *Client) forget(tp topicPartition, node int32) {
	c.routes.mu.Lock()
	defer c.routes.mu.Unlock()
	if c.routes.leaders[tp] == node {
		delete(c.routes.leaders, tp)
	}
}

// lookupTimeout is for questions that any healthy broker answers from memory: another one is asked soon.
const lookupTimeout = 3 * time.Second

// metadata asks the cluster about topics; nil means all of them. It never creates one.
func (c *Client) metadata(ctx context.Context, topics []string) (*metadata.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	return ask[*metadata.Response](ctx, c, anyNode, &metadata.Request{TopicNames: topics}, latest)
}

// onLeader runs f on the partition's leader until it succeeds or fails for good. f returns the broker's code as an
// error. An unknown topic is given UnknownTopicWait to appear. failing, if set, hears of every attempt that failed.
func (c *Client) onLeader(ctx context.Context, tp topicPartition, failing func(error), f func(node int32) error) error {
	var b backoff
	var unknownSince time.Time
	for {
		node, err := c.leader(ctx, tp)
		if err == nil {
			if err = f(node); err == nil {
				return nil
			}
			c.forget(tp, node)
		}
		switch {
		case ctx.Err() != nil:
			return errors.Join(ctx.Err(), err)
		case isUnknownTopic(err):
			if unknownSince.IsZero() {
				unknownSince = time.Now()
			}
			if time.Since(unknownSince) > c.cfg.UnknownTopicWait {
				var u *UnknownTopicError
				if errors.As(err, &u) {
					return err
				}
				return &UnknownTopicError{Topic: tp.topic, Partition: tp.partition}
			}
		case !retriable(err):
			return err
		default:
			unknownSince = time.Time{}
		}
		if failing != nil {
			failing(err)
		}
		if b.wait(ctx) != nil {
			return errors.Join(ctx.Err(), err)
		}
	}
}

// Kinds of coordinator.
const (
	coordinateGroup       int8 = 0
	coordinateTransaction int8 = 1
)

// coordinator finds the node that coordinates a group or a transactional id.
func (c *Client) coordinator(ctx context.Context, kind int8, key string) (int32, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	res, err := ask[*findcoordinator.Response](ctx, c, anyNode, &findcoordinator.Request{Key: key, KeyType: kind}, latest)
	if err != nil {
		return 0, err
	}
	if err := codeError(res.ErrorCode); err != nil {
		return 0, fmt.Errorf("find coordinator of %q: %w", key, err)
	}
	return res.NodeID, nil
}
