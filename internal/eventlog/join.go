package eventlog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/consumer"
	"github.com/segmentio/kafka-go/protocol/joingroup"
	"github.com/segmentio/kafka-go/protocol/syncgroup"
)

// balancerName is what all members of a group must have in common.
const balancerName = "marginledger-sticky"

// The versions of the group requests. Heartbeat and LeaveGroup stay at 0: kafka-go reads later answers with the
// throttle time and the error code exchanged, and so would never see that a rebalance has begun.
const (
	joinVersion      = 4 // gives out the member id before the join, so that a lost answer leaves no ghost
	syncVersion      = 1
	heartbeatVersion = 0
	leaveVersion     = 0
)

// join goes through one rebalance and returns the coordinator and what it assigned to us.
func (m *Membership) join(ctx context.Context) (int32, Assignment, error) {
	var none Assignment
	node, err := m.client.coordinator(ctx, coordinateGroup, m.cfg.Group)
	if err != nil {
		return 0, none, err
	}
	joined, err := m.joinGroup(ctx, node)
	if err != nil {
		return 0, none, fmt.Errorf("join group %s: %w", m.cfg.Group, err)
	}
	sync := &syncgroup.Request{GroupID: m.cfg.Group, GenerationID: joined.GenerationID, MemberID: joined.MemberID}
	if joined.LeaderID == joined.MemberID {
		if sync.Assignments, err = m.balance(ctx, joined.Members); err != nil {
			return 0, none, fmt.Errorf("balance group %s: %w", m.cfg.Group, err)
		}
	}
	msg, err := m.client.send(ctx, node, sync, syncVersion, m.cfg.SessionTimeout)
	if err != nil {
		return 0, none, fmt.Errorf("sync group %s: %w", m.cfg.Group, err)
	}
	synced, ok := msg.(*syncgroup.Response)
	if !ok {
		return 0, none, fmt.Errorf("sync group %s: answer of type %T", m.cfg.Group, msg)
	}
	if err := codeError(synced.ErrorCode); err != nil {
		return 0, none, fmt.Errorf("sync group %s: %w", m.cfg.Group, err)
	}
	a := Assignment{Generation: joined.GenerationID}
	if len(synced.Assignments) > 0 {
		var got consumer.Assignment
		if err := protocol.Unmarshal(synced.Assignments, 0, &got); err != nil {
			return 0, none, fmt.Errorf("read the assignment of group %s: %w", m.cfg.Group, err)
		}
		for _, t := range got.AssignedPartitions {
			if t.Topic == m.cfg.Topic {
				a.Shards = append(a.Shards, t.Partitions...)
			}
		}
	}
	slices.Sort(a.Shards)
	m.become(joined.MemberID, joined.GenerationID)
	return node, a, nil
}

// joinGroup asks to be in the next generation. The broker answers when all members have asked.
func (m *Membership) joinGroup(ctx context.Context, node int32) (*joingroup.Response, error) {
	var held []Held
	if m.cfg.UserData != nil {
		held = m.cfg.UserData()
	}
	subscription, err := protocol.Marshal(0, consumer.Subscription{Topics: []string{m.cfg.Topic}, UserData: encodeHeld(held)})
	if err != nil {
		return nil, fmt.Errorf("encode the subscription: %w", err)
	}
	sessionMs := int32(m.cfg.SessionTimeout / time.Millisecond)
	for {
		id, _ := m.identity()
		msg, err := m.client.send(ctx, node, &joingroup.Request{
			GroupID: m.cfg.Group, MemberID: id, ProtocolType: "consumer",
			SessionTimeoutMS: sessionMs, RebalanceTimeoutMS: sessionMs,
			Protocols: []joingroup.RequestProtocol{{Name: balancerName, Metadata: subscription}},
		}, joinVersion, 2*m.cfg.SessionTimeout)
		if err != nil {
			return nil, err
		}
		res, ok := msg.(*joingroup.Response)
		if !ok {
			return nil, fmt.Errorf("answer of type %T", msg)
		}
		if kafka.Error(res.ErrorCode) == kafka.MemberIDRequired && res.MemberID != "" && res.MemberID != id {
			m.become(res.MemberID, -1)
			continue
		}
		return res, codeError(res.ErrorCode)
	}
}

// balance is the leader's part: it shares the shards out among all members.
func (m *Membership) balance(ctx context.Context, list []joingroup.ResponseMember) ([]syncgroup.RequestAssignment, error) {
	infos, err := m.client.partitions(ctx, []string{m.cfg.Topic})
	if err != nil {
		return nil, err
	}
	info, ok := infos[m.cfg.Topic]
	if !ok {
		return nil, &UnknownTopicError{Topic: m.cfg.Topic, Partition: -1}
	}
	members := make([]member, 0, len(list))
	for _, l := range list {
		var s consumer.Subscription
		if err := protocol.Unmarshal(l.Metadata, 0, &s); err != nil {
			return nil, fmt.Errorf("read the subscription of member %s: %w", l.MemberID, err)
		}
		members = append(members, member{id: l.MemberID, held: decodeHeld(s.UserData)})
	}
	shares := assign(members, int32(len(info.Partitions)))
	out := make([]syncgroup.RequestAssignment, 0, len(members))
	for _, mb := range members {
		b, err := protocol.Marshal(0, consumer.Assignment{
			AssignedPartitions: []consumer.TopicPartition{{Topic: m.cfg.Topic, Partitions: shares[mb.id]}},
		})
		if err != nil {
			return nil, fmt.Errorf("encode the assignment: %w", err)
		}
		out = append(out, syncgroup.RequestAssignment{MemberID: mb.id, Assignment: b})
	}
	return out, nil
}
