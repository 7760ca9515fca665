package topics

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
)

// Level is how bad a finding is.
type Level uint8

// The levels. Fail: the ledger would lose data or could not work, so it refuses to start.
const (
	OK Level = iota
	Warn
	Fail
)

// String returns the level as it stands in the doctor's table.
func (l Level) String() string { return [...]string{"ok", "warn", "fail"}[l] }

// Finding is one line of a check.
type Finding struct {
	Level   Level
	Subject string // a topic, or what else was looked at
	Text    string // what was found; for Warn and Fail also why it matters and what to do
}

// String returns the finding on one line.
func (f Finding) String() string { return fmt.Sprintf("%-4s  %s: %s", f.Level, f.Subject, f.Text) }

// Inspect describes the plan's topics on the cluster and checks them.
func Inspect(ctx context.Context, c Cluster, p *Plan) ([]Finding, error) {
	have, err := c.DescribeTopics(ctx, p.Names())
	if err != nil {
		return nil, err
	}
	return p.Check(have), nil
}

// Refusals returns an error that lists every Fail, nil if there is none.
func Refusals(findings []Finding) error {
	var b strings.Builder
	for _, f := range findings {
		if f.Level == Fail {
			fmt.Fprintf(&b, "\n  %s: %s", f.Subject, f.Text)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return fmt.Errorf("the topics are not fit for a ledger:%s", b.String())
}

// Check compares topics as the cluster has them with the plan. Each topic has at least one finding; the order is the
// plan's.
func (p *Plan) Check(have map[string]eventlog.TopicInfo) []Finding {
	var out []Finding
	for _, in := range p.Inputs {
		out = append(out, p.topic(have, in.Name, func(c *checker) { p.input(c, in) })...)
	}
	out = append(out, p.topic(have, p.Order, p.order)...)
	for _, name := range p.Outputs {
		out = append(out, p.topic(have, name, p.output)...)
	}
	return out
}

// checker collects what is wrong with one topic.
type checker struct {
	info eventlog.TopicInfo
	out  []Finding
}

func (c *checker) say(l Level, format string, args ...any) {
	c.out = append(c.out, Finding{l, c.info.Name, fmt.Sprintf(format, args...)})
}

// number returns a numeric setting; missing (a broker that does not tell) is not an error.
func (c *checker) number(key string, missing int64) int64 {
	n, err := strconv.ParseInt(c.info.Configs[key], 10, 64)
	if err != nil {
		return missing
	}
	return n
}

func (p *Plan) topic(have map[string]eventlog.TopicInfo, name string, special func(*checker)) []Finding {
	info, ok := have[name]
	if !ok {
		return []Finding{{Fail, name, "does not exist; `ledger topics create` makes it"}}
	}
	c := &checker{info: info}
	special(c)
	p.replicas(c)
	if len(c.out) == 0 {
		c.say(OK, "%d partitions, replication %d", len(info.Partitions), replication(info))
	}
	return c.out
}

func (p *Plan) input(c *checker, in Input) {
	if in.Role == events.RoleAccounts {
		p.partitions(c, "account topics have one partition per shard")
	}
	if ms := c.number(retentionMs, -1); ms >= 0 && ms < p.Horizon.Milliseconds() {
		c.say(Fail, "retention.ms=%d (%s) is below snapshots.horizon (%s): a restart could need records that are gone; raise it to %d or more, or -1",
			ms, time.Duration(ms)*time.Millisecond, p.Horizon, p.Horizon.Milliseconds())
	}
	if n := c.number(retentionBytes, -1); n >= 0 && (p.HorizonBytes == 0 || n < p.HorizonBytes) {
		want := "-1, or set snapshots.horizonBytes to what a partition takes in within the horizon"
		if p.HorizonBytes > 0 {
			want = fmt.Sprintf("%d or more, or -1", p.HorizonBytes)
		}
		c.say(Fail, "retention.bytes=%d is below snapshots.horizonBytes (%d): a restart could need records that are gone; set it to %s",
			n, p.HorizonBytes, want)
	}
	p.deletes(c, "compaction removes records that replay reads again")
	if kind := c.info.Configs[timestampType]; clockSource(in.Role) && kind != "" && kind != "LogAppendTime" {
		c.say(Warn, "message.timestamp.type=%s: this topic moves shard time, and a producer's clock could run ahead; set LogAppendTime", kind)
	}
}

func (p *Plan) order(c *checker) {
	p.partitions(c, "the order log has one partition per shard")
	if ms := c.number(retentionMs, -1); ms != -1 {
		c.say(Fail, "retention.ms=%d: the order log is the commit point and must never forget; set -1", ms)
	}
	if n := c.number(retentionBytes, -1); n != -1 {
		c.say(Fail, "retention.bytes=%d: the order log is the commit point and must never forget; set -1", n)
	}
	p.deletes(c, "compaction removes entries of the order log")
}

func (p *Plan) output(c *checker) {
	p.partitions(c, "outputs have one partition per shard")
	p.deletes(c, "compaction removes announcements, whose sequence is dense")
	if n := c.number(maxMessage, leastMaxMessage); n < leastMaxMessage {
		c.say(Fail, "max.message.bytes=%d: a dead letter can need %d", n, leastMaxMessage)
	}
}

func (p *Plan) partitions(c *checker, why string) {
	if n := len(c.info.Partitions); n != int(p.Shards) {
		c.say(Fail, "has %d partitions, but shards is %d: %s; the number of shards of a ledger never changes", n, p.Shards, why)
	}
}

func (p *Plan) deletes(c *checker, why string) {
	if policy := c.info.Configs[cleanupPolicy]; policy != "" && policy != "delete" {
		c.say(Fail, "cleanup.policy=%s: %s; set delete", policy, why)
	}
}

// replicas warns about durability that is less than was asked for, and about brokers that are away.
func (p *Plan) replicas(c *checker) {
	if n := replication(c.info); n < int(p.Replication) {
		c.say(Warn, "replication %d, configured %d", n, p.Replication)
	}
	insync := c.number(minInsync, int64(p.MinInsync))
	if insync < int64(p.MinInsync) {
		c.say(Warn, "min.insync.replicas=%d, configured %d: an acknowledged record could be lost with one broker", insync, p.MinInsync)
	}
	if c.info.Configs[unclean] == "true" && replication(c.info) > 1 {
		c.say(Warn, "unclean.leader.election.enable=true: a broker that lags could become leader and lose acknowledged records; set false")
	}
	for _, part := range c.info.Partitions {
		switch {
		case part.Leader < 0:
			c.say(Warn, "partition %d has no leader now", part.ID)
		case len(part.ISR) < int(insync):
			c.say(Warn, "partition %d has %d in-sync replicas now, fewer than min.insync.replicas=%d: it cannot be written to", part.ID, len(part.ISR), insync)
		}
	}
}

// replication is the smallest number of replicas of any partition.
func replication(info eventlog.TopicInfo) int {
	least := 0
	for i, part := range info.Partitions {
		if i == 0 || len(part.Replicas) < least {
			least = len(part.Replicas)
		}
	}
	return least
}
