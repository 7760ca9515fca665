// Package topics knows what the ledger's topics must look like: it makes them, and it finds what is wrong with them.
//
// The rule behind every check: the order log names offsets of the inputs, and replay reads them again. A setting under
// which an input forgets too early, or the order log forgets at all, loses data silently; `ledger run` refuses it.
package topics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
)

// Input is one input topic of a plan.
type Input struct {
	Name       string
	Role       events.Role
	Partitions int32 // for creation; account topics have Plan.Shards
}

// Plan is every topic of one ledger and what the ledger needs of it.
type Plan struct {
	Inputs  []Input
	Order   string
	Outputs []string

	Shards      int32
	Replication int16
	MinInsync   int16

	Horizon      time.Duration // inputs reach at least this far back
	HorizonBytes int64         // and this far in bytes per partition; 0: no limit in bytes is allowed
}

// Names returns every topic of the plan.
func (p *Plan) Names() []string {
	names := make([]string, 0, len(p.Inputs)+len(p.Outputs)+1)
	for _, in := range p.Inputs {
		names = append(names, in.Name)
	}
	return append(append(names, p.Order), p.Outputs...)
}

// clockSource says whether shard time follows topics of the role, so that the broker must stamp their records.
func clockSource(r events.Role) bool { return r == events.RolePrices || r == events.RoleBlocks }

// Names of Kafka's topic settings.
const (
	retentionMs    = "retention.ms"
	retentionBytes = "retention.bytes"
	cleanupPolicy  = "cleanup.policy"
	timestampType  = "message.timestamp.type"
	minInsync      = "min.insync.replicas"
	unclean        = "unclean.leader.election.enable"
	maxMessage     = "max.message.bytes"
)

// What a batch of the ledger may need: a dead letter holds a record's first 512 KiB in base64.
const leastMaxMessage = 1 << 20

// Specs returns the topics as `ledger topics create` makes them.
func (p *Plan) Specs() []eventlog.TopicSpec {
	base := func() map[string]string {
		return map[string]string{
			cleanupPolicy: "delete",
			minInsync:     strconv.Itoa(int(p.MinInsync)),
			unclean:       "false",
		}
	}
	var specs []eventlog.TopicSpec
	for _, in := range p.Inputs {
		c := base()
		c[retentionMs], c[retentionBytes] = strconv.FormatInt(p.Horizon.Milliseconds(), 10), "-1"
		if in.Role == events.RoleConfig {
			c[retentionMs] = "-1" // few records, and a ledger without a snapshot needs every one
		}
		if clockSource(in.Role) {
			c[timestampType] = "LogAppendTime"
		}
		n := in.Partitions
		if in.Role == events.RoleAccounts {
			n = p.Shards
		}
		specs = append(specs, eventlog.TopicSpec{Name: in.Name, Partitions: n, Replication: p.Replication, Configs: c})
	}
	for _, name := range append([]string{p.Order}, p.Outputs...) {
		c := base()
		c[retentionBytes] = "-1"
		if name == p.Order {
			c[retentionMs] = "-1"
		} else {
			c[retentionMs] = strconv.FormatInt(p.Horizon.Milliseconds(), 10)
		}
		specs = append(specs, eventlog.TopicSpec{Name: name, Partitions: p.Shards, Replication: p.Replication, Configs: c})
	}
	return specs
}

// Cluster is what this package needs of a Kafka client.
type Cluster interface {
	DescribeTopics(ctx context.Context, names []string) (map[string]eventlog.TopicInfo, error)
	CreateTopics(ctx context.Context, specs []eventlog.TopicSpec) error
}

// Create makes the topics that are missing and returns the names of those it made. Topics that exist are left as they
// are: what is wrong with them is for Check to say, and for a person to change.
func Create(ctx context.Context, c Cluster, p *Plan) ([]string, error) {
	have, err := c.DescribeTopics(ctx, p.Names())
	if err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(p.Specs(), func(s eventlog.TopicSpec) bool { _, ok := have[s.Name]; return ok })
	if len(missing) == 0 {
		return nil, nil
	}
	// Somebody else may create them at the same time: that is as good.
	if err := c.CreateTopics(ctx, missing); err != nil && !onlyExisting(err) {
		return nil, fmt.Errorf("create topics: %w", err)
	}
	made := make([]string, len(missing))
	for i, s := range missing {
		made[i] = s.Name
	}
	return made, nil
}

// onlyExisting reports whether every joined error is ErrTopicExists.
func onlyExisting(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(joined.Unwrap(), func(e error) bool { return !onlyExisting(e) })
	}
	return errors.Is(err, eventlog.ErrTopicExists)
}
