package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/offsetcommit"
	"github.com/segmentio/kafka-go/protocol/offsetfetch"
)

// CommittedOffset is a group's offset in a partition: the next one to be read. It is for lag tools; the ledger never
// starts from it.
type CommittedOffset struct {
	Topic     string
	Partition int32
	Offset    int64
}

// CommitOffsets tells the group how far this member has come. A member that is not in the current generation gets
// ErrStaleGeneration, which the broker reports per partition only.
func (m *Membership) CommitOffsets(ctx context.Context, offsets []CommittedOffset) error {
	id, generation := m.identity()
	req := &offsetcommit.Request{GroupID: m.cfg.Group, MemberID: id, GenerationID: generation, RetentionTimeMs: -1}
	index := make(map[string]int)
	for _, o := range offsets {
		i, ok := index[o.Topic]
		if !ok {
			i = len(req.Topics)
			index[o.Topic] = i
			req.Topics = append(req.Topics, offsetcommit.RequestTopic{Name: o.Topic})
		}
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, offsetcommit.RequestPartition{
			PartitionIndex: o.Partition, CommittedOffset: o.Offset, CommittedLeaderEpoch: -1,
		})
	}
	err := retry(ctx, func() error {
		if id == "" || generation < 0 {
			return kafka.IllegalGeneration
		}
		node, err := m.client.coordinator(ctx, coordinateGroup, m.cfg.Group)
		if err != nil {
			return err
		}
		res, err := ask[*offsetcommit.Response](ctx, m.client, node, req, latest)
		if err != nil {
			return err
		}
		for _, t := range res.Topics {
			for _, p := range t.Partitions {
				if err := codeError(p.ErrorCode); err != nil {
					return fmt.Errorf("%s/%d: %w", t.Name, p.PartitionIndex, err)
				}
			}
		}
		return nil
	})
	if errors.Is(err, kafka.IllegalGeneration) || errors.Is(err, kafka.UnknownMemberId) || errors.Is(err, kafka.RebalanceInProgress) {
		err = fmt.Errorf("%w (%w)", ErrStaleGeneration, err)
	}
	if err != nil {
		return fmt.Errorf("commit offsets of group %s: %w", m.cfg.Group, err)
	}
	return nil
}

// CommittedOffsets reads what a group has committed for partitions of a topic; those without a commit are left out.
func (c *Client) CommittedOffsets(ctx context.Context, group, topic string, partitions []int32) ([]CommittedOffset, error) {
	var out []CommittedOffset
	err := retry(ctx, func() error {
		out = nil
		node, err := c.coordinator(ctx, coordinateGroup, group)
		if err != nil {
			return err
		}
		res, err := ask[*offsetfetch.Response](ctx, c, node, &offsetfetch.Request{
			GroupID: group, Topics: []offsetfetch.RequestTopic{{Name: topic, PartitionIndexes: partitions}},
		}, latest)
		if err != nil {
			return err
		}
		if err := codeError(res.ErrorCode); err != nil {
			return err
		}
		for _, t := range res.Topics {
			for _, p := range t.Partitions {
				if err := codeError(p.ErrorCode); err != nil {
					return fmt.Errorf("%s/%d: %w", t.Name, p.PartitionIndex, err)
				}
				if p.CommittedOffset >= 0 {
					out = append(out, CommittedOffset{Topic: t.Name, Partition: p.PartitionIndex, Offset: p.CommittedOffset})
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read committed offsets of group %s: %w", group, err)
	}
	return out, nil
}
