package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/simulate"
	"marginledger/internal/topics"
)

// Day says which made-up day runs. It is kept in the directory: what goes on later must be the same.
type Day struct {
	Seed     uint64 `json:"seed"`
	Events   int64  `json:"events"`
	Accounts int    `json:"accounts"`
	Shards   int32  `json:"shards"`
	Endless  bool   `json:"endless"` // live: day after day
}

func (d Day) exchange() *simulate.Exchange {
	return simulate.New(simulate.Options{Seed: d.Seed, Accounts: d.Accounts, Events: d.Events, Endless: d.Endless})
}

// The demo's input topics. The liquidator has one of its own: behind the exchange's fills, which may
// be there long before they are read, its answers would come too late.
const (
	topicConfig       = "exchange.rules.v1"
	topicAccounts     = "exchange.accounts.v1"
	topicObserved     = "exchange.observed.v1"
	topicFunding      = "exchange.funding.v1"
	topicPrices       = "exchange.prices.v1"
	topicLiquidations = "exchange.liquidations.v1"
	topicOrder        = "ledger.order.v1"
	group             = "marginledger-demo"
)

// topicOf is where the exchange's facts of a role go.
var topicOf = map[events.Role]string{
	events.RoleConfig:   topicConfig,
	events.RoleAccounts: topicAccounts,
	events.RoleObserved: topicObserved,
	events.RoleFunding:  topicFunding,
	events.RolePrices:   topicPrices,
}

func inputs() []topics.Input {
	return []topics.Input{
		{Name: topicConfig, Role: events.RoleConfig, Partitions: 1},
		{Name: topicAccounts, Role: events.RoleAccounts},
		{Name: topicLiquidations, Role: events.RoleAccounts},
		{Name: topicObserved, Role: events.RoleObserved, Partitions: 1},
		{Name: topicFunding, Role: events.RoleFunding, Partitions: 1},
		{Name: topicPrices, Role: events.RolePrices, Partitions: 1},
	}
}

func (d Day) plan() *topics.Plan {
	p := &topics.Plan{
		Inputs: inputs(), Order: topicOrder, Shards: d.Shards, Replication: 1, MinInsync: 1,
		Horizon: 10 * 365 * 24 * time.Hour,
	}
	for s := range events.Stream(events.Streams) {
		p.Outputs = append(p.Outputs, s.String())
	}
	return p
}

// ledger returns the configuration of the demo's ledger.
func (d Day) ledger(dir string) pipeline.Config {
	c := pipeline.Config{Group: group, Shards: d.Shards, OrderTopic: topicOrder, DataDir: filepath.Join(dir, "ledger"), Build: "demo",
		Cut: pipeline.CutPolicy{MaxAge: 20 * time.Millisecond}} // nobody waits for a millisecond here; a row is written once per cut
	for _, in := range inputs() {
		c.Topics = append(c.Topics, pipeline.Topic{Name: in.Name, Role: in.Role})
	}
	return c
}

func brokerDir(dir string) string { return filepath.Join(dir, "broker") }

const dayFile = "demo.json"

// keepDay writes d into a new directory, or returns what an old one was begun with.
func keepDay(dir string, d Day) (Day, error) {
	kept, err := keptDay(dir)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return kept, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return d, fmt.Errorf("make the demo's directory: %w", err)
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("demo: %v", err)) // integers marshal
	}
	if err := os.WriteFile(filepath.Join(dir, dayFile), append(text, '\n'), 0o644); err != nil {
		return d, fmt.Errorf("keep the demo's settings: %w", err)
	}
	return d, nil
}

func keptDay(dir string) (Day, error) {
	var d Day
	text, err := os.ReadFile(filepath.Join(dir, dayFile))
	if err != nil {
		return d, fmt.Errorf("read the demo's settings: %w", err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("read the demo's settings: %s: %w", filepath.Join(dir, dayFile), err)
	}
	return d, nil
}

// cluster is a running broker with a client to it.
type cluster struct {
	child  *BrokerChild
	client *eventlog.Client
}

func startCluster(ctx context.Context, command []string, dir string) (*cluster, error) {
	child, err := StartBroker(ctx, command, brokerDir(dir))
	if err != nil {
		return nil, err
	}
	client, err := eventlog.Open(eventlog.Config{Brokers: []string{child.Addr}, ClientID: "marginledger-demo"})
	if err != nil {
		child.Close()
		return nil, err
	}
	return &cluster{child, client}, nil
}

func (c *cluster) close() error {
	c.client.Close()
	return c.child.Close()
}
