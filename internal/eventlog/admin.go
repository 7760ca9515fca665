package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/deletetopics"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
)

// TopicSpec is a topic to be created.
type TopicSpec struct {
	Name        string
	Partitions  int32
	Replication int16 // -1: the broker's default
	Configs     map[string]string
}

// TopicInfo is a topic as the cluster has it.
type TopicInfo struct {
	Name       string
	Partitions []PartitionInfo   // by number
	Configs    map[string]string // effective values, the broker's defaults included
}

// PartitionInfo is one partition of a topic.
type PartitionInfo struct {
	ID       int32
	Leader   int32 // node id, -1 none
	Replicas []int32
	ISR      []int32
}

// ClusterID returns the id that the cluster was formatted with.
func (c *Client) ClusterID(ctx context.Context) (string, error) {
	var id string
	err := retry(ctx, func() error {
		res, err := c.metadata(ctx, []string{})
		if err == nil {
			id = res.ClusterID
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read cluster id: %w", err)
	}
	return id, nil
}

// CreateTopics creates topics and waits until each of their partitions has a leader. The error joins what went wrong
// with each; ErrTopicExists marks those that were there.
func (c *Client) CreateTopics(ctx context.Context, specs []TopicSpec) error {
	req := &createtopics.Request{TimeoutMs: int32(c.cfg.RequestTimeout / time.Millisecond)}
	for _, s := range specs {
		t := createtopics.RequestTopic{Name: s.Name, NumPartitions: s.Partitions, ReplicationFactor: s.Replication}
		for _, k := range sortedKeys(s.Configs) {
			t.Configs = append(t.Configs, createtopics.RequestConfig{Name: k, Value: s.Configs[k]})
		}
		req.Topics = append(req.Topics, t)
	}
	const beforeFlexible = 4
	var res *createtopics.Response
	err := retry(ctx, func() (err error) {
		res, err = ask[*createtopics.Response](ctx, c, controllerNode, req, beforeFlexible)
		if err == nil && slices.ContainsFunc(res.Topics, func(t createtopics.ResponseTopic) bool {
			return t.ErrorCode == int16(kafka.NotController)
		}) {
			return kafka.NotController
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	var failed []error
	for _, t := range res.Topics {
		switch {
		case t.ErrorCode == 0:
		case t.ErrorCode == int16(kafka.TopicAlreadyExists):
			failed = append(failed, fmt.Errorf("create topic %s: %w", t.Name, ErrTopicExists))
		default:
			failed = append(failed, fmt.Errorf("create topic %s: %w (%s)", t.Name, codeError(t.ErrorCode), t.ErrorMessage))
		}
	}
	for _, s := range specs {
		if err := c.awaitLeaders(ctx, s.Name); err != nil && len(failed) == 0 {
			failed = append(failed, fmt.Errorf("create topic %s: %w", s.Name, err))
		}
	}
	return errors.Join(failed...)
}

// awaitLeaders waits until every partition of a topic can be written to, as far as the cluster says; an unknown topic
// is given up after UnknownTopicWait.
func (c *Client) awaitLeaders(ctx context.Context, topic string) error {
	return c.onLeader(ctx, topicPartition{topic, 0}, nil, func(int32) error {
		res, err := c.metadata(ctx, []string{topic})
		if err != nil {
			return err
		}
		for _, t := range res.Topics {
			for _, p := range t.Partitions {
				if p.LeaderID < 0 {
					return kafka.LeaderNotAvailable
				}
			}
		}
		return nil
	})
}

// DeleteTopic deletes a topic and waits until the cluster has forgotten it.
func (c *Client) DeleteTopic(ctx context.Context, topic string) error {
	req := &deletetopics.Request{TopicNames: []string{topic}, TimeoutMs: int32(c.cfg.RequestTimeout / time.Millisecond)}
	err := retry(ctx, func() error {
		res, err := ask[*deletetopics.Response](ctx, c, controllerNode, req, latest)
		if err != nil {
			return err
		}
		for _, t := range res.Responses {
			if t.ErrorCode == int16(kafka.UnknownTopicOrPartition) {
				return &UnknownTopicError{Topic: topic, Partition: -1}
			}
			if err := codeError(t.ErrorCode); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete topic %s: %w", topic, err)
	}
	c.routes.mu.Lock()
	for tp := range c.routes.leaders {
		if tp.topic == topic {
			delete(c.routes.leaders, tp)
		}
	}
	c.routes.mu.Unlock()
	var b backoff
	for {
		infos, err := c.partitions(ctx, []string{topic})
		if err == nil && len(infos) == 0 {
			return nil
		}
		if b.wait(ctx) != nil {
			return fmt.Errorf("delete topic %s: %w", topic, errors.Join(ctx.Err(), err))
		}
	}
}

// DescribeTopics returns the topics that exist among names, with their configuration; nil names means all topics.
func (c *Client) DescribeTopics(ctx context.Context, names []string) (map[string]TopicInfo, error) {
	var infos map[string]TopicInfo
	err := retry(ctx, func() (err error) {
		if infos, err = c.partitions(ctx, names); err == nil {
			err = c.configs(ctx, infos)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	return infos, nil
}

// partitions asks for topics without their configuration.
func (c *Client) partitions(ctx context.Context, names []string) (map[string]TopicInfo, error) {
	res, err := c.metadata(ctx, names)
	if err != nil {
		return nil, err
	}
	infos := make(map[string]TopicInfo)
	for _, t := range res.Topics {
		if t.ErrorCode == int16(kafka.UnknownTopicOrPartition) {
			continue
		}
		if err := codeError(t.ErrorCode); err != nil && !errors.Is(err, kafka.LeaderNotAvailable) {
			return nil, fmt.Errorf("topic %s: %w", t.Name, err)
		}
		info := TopicInfo{Name: t.Name, Configs: make(map[string]string)}
		for _, p := range t.Partitions {
			info.Partitions = append(info.Partitions, PartitionInfo{
				ID: p.PartitionIndex, Leader: p.LeaderID, Replicas: p.ReplicaNodes, ISR: p.IsrNodes,
			})
		}
		slices.SortFunc(info.Partitions, func(a, b PartitionInfo) int { return int(a.ID - b.ID) })
		infos[t.Name] = info
	}
	return infos, nil
}

// configs fills in the topics' configuration.
func (c *Client) configs(ctx context.Context, infos map[string]TopicInfo) error {
	if len(infos) == 0 {
		return nil
	}
	const resourceTopic = 2
	req := &describeconfigs.Request{}
	for _, name := range sortedKeys(infos) {
		req.Resources = append(req.Resources, describeconfigs.RequestResource{ResourceType: resourceTopic, ResourceName: name})
	}
	res, err := ask[*describeconfigs.Response](ctx, c, anyNode, req, latest)
	if err != nil {
		return err
	}
	for _, r := range res.Resources {
		if err := codeError(r.ErrorCode); err != nil {
			return fmt.Errorf("configuration of topic %s: %w", r.ResourceName, err)
		}
		for _, e := range r.ConfigEntries {
			infos[r.ResourceName].Configs[e.ConfigName] = e.ConfigValue
		}
	}
	return nil
}

// The two ends of a log, as list-offsets timestamps.
const (
	latestOffset   int64 = -1
	earliestOffset int64 = -2
)

// Offsets returns the oldest offset of a partition and the one after its last stable record.
func (c *Client) Offsets(ctx context.Context, topic string, partition int32) (logStart, lastStable int64, err error) {
	tp := topicPartition{topic, partition}
	err = c.onLeader(ctx, tp, nil, func(node int32) (err error) {
		if logStart, err = c.listOffset(ctx, node, tp, earliestOffset); err != nil {
			return err
		}
		lastStable, err = c.listOffset(ctx, node, tp, latestOffset)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("read the offsets of %v: %w", tp, err)
	}
	return logStart, lastStable, nil
}

// listOffset asks one node for one end of the log, as seen by a reader of committed records.
func (c *Client) listOffset(ctx context.Context, node int32, tp topicPartition, at int64) (int64, error) {
	const readCommitted = 1
	res, err := ask[*listoffsets.Response](ctx, c, node, &listoffsets.Request{
		ReplicaID: -1, IsolationLevel: readCommitted,
		Topics: []listoffsets.RequestTopic{{Topic: tp.topic, Partitions: []listoffsets.RequestPartition{{
			Partition: tp.partition, CurrentLeaderEpoch: -1, Timestamp: at,
		}}}},
	}, latest)
	if err != nil {
		return 0, err
	}
	if len(res.Topics) != 1 || len(res.Topics[0].Partitions) != 1 {
		return 0, fmt.Errorf("list offsets answered for %d topics, expected one partition", len(res.Topics))
	}
	p := res.Topics[0].Partitions[0]
	return p.Offset, codeError(p.ErrorCode)
}

// DeleteRecords moves the start of a partition's log up to offset.
func (c *Client) DeleteRecords(ctx context.Context, topic string, partition int32, offset int64) error {
	tp := topicPartition{topic, partition}
	err := c.onLeader(ctx, tp, nil, func(node int32) error {
		res, err := ask[*deleteRecordsResponse](ctx, c, node, &deleteRecordsRequest{
			Topics: []deleteRecordsTopic{{Topic: topic, Partitions: []deleteRecordsPartition{{Partition: partition, Offset: offset}}}},
			// The answer waits for the followers.
			TimeoutMs: int32(c.cfg.RequestTimeout / time.Millisecond),
		}, latest)
		if err != nil {
			return err
		}
		for _, t := range res.Topics {
			for _, p := range t.Partitions {
				if err := codeError(p.ErrorCode); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete records of %v below offset %d: %w", tp, offset, err)
	}
	return nil
}

// kafka-go has no DeleteRecords.
func init() { protocol.Register(&deleteRecordsRequest{}, &deleteRecordsResponse{}) }

type deleteRecordsRequest struct {
	Topics    []deleteRecordsTopic `kafka:"min=v0,max=v1"`
	TimeoutMs int32                `kafka:"min=v0,max=v1"`
}

type deleteRecordsTopic struct {
	Topic      string                   `kafka:"min=v0,max=v1"`
	Partitions []deleteRecordsPartition `kafka:"min=v0,max=v1"`
}

type deleteRecordsPartition struct {
	Partition int32 `kafka:"min=v0,max=v1"`
	Offset    int64 `kafka:"min=v0,max=v1"`
}

type deleteRecordsResponse struct {
	ThrottleTimeMs int32                        `kafka:"min=v0,max=v1"`
	Topics         []deleteRecordsResponseTopic `kafka:"min=v0,max=v1"`
}

type deleteRecordsResponseTopic struct {
	Topic      string                           `kafka:"min=v0,max=v1"`
	Partitions []deleteRecordsResponsePartition `kafka:"min=v0,max=v1"`
}

type deleteRecordsResponsePartition struct {
	Partition    int32 `kafka:"min=v0,max=v1"`
	LowWatermark int64 `kafka:"min=v0,max=v1"`
	ErrorCode    int16 `kafka:"min=v0,max=v1"`
}

func (*deleteRecordsRequest) ApiKey() protocol.ApiKey  { return protocol.DeleteRecords }
func (*deleteRecordsResponse) ApiKey() protocol.ApiKey { return protocol.DeleteRecords }

// sortedKeys returns a map's keys in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
