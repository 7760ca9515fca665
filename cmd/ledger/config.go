package main

import (
	"fmt"
	"os"
	"strings"

	"marginledger/internal/config"
	"marginledger/internal/eventlog"
	"marginledger/internal/topics"
)

// configFlags are common to the commands that work on a cluster.
type configFlags struct {
	Config string   `short:"c" help:"Configuration file." type:"path" placeholder:"ledger.yaml"`
	Set    []string `help:"Override a setting, for example --set cut.maxAge=10ms." placeholder:"KEY=VALUE" sep:"none"`
}

// load reads the effective configuration.
func (f *configFlags) load() (*config.Config, error) {
	var overrides []config.Override
	for _, kv := range f.Set {
		key, value, ok := strings.Cut(kv, "=")
		if !ok {
			return nil, fmt.Errorf("--set %s: expected KEY=VALUE", kv)
		}
		overrides = append(overrides, config.Override{Key: key, Value: value})
	}
	return config.Load(f.Config, os.Environ(), overrides)
}

// connect opens a client of the configured cluster; it does not wait for it.
func (f *configFlags) connect() (*config.Config, *eventlog.Client, error) {
	c, err := f.load()
	if err != nil {
		return nil, nil, err
	}
	kafka, err := kafkaConfig(c)
	if err != nil {
		return nil, nil, err
	}
	client, err := eventlog.Open(kafka)
	return c, client, err
}

// kafkaConfig says how to reach the configured cluster; it reads the certificate files.
func kafkaConfig(c *config.Config) (eventlog.Config, error) {
	k := eventlog.Config{Brokers: c.Brokers, ClientID: c.ClientID}
	if c.SASL.Mechanism != "" {
		k.SASL = &eventlog.SASL{Mechanism: c.SASL.Mechanism, User: c.SASL.User, Password: c.SASL.Password}
	}
	var err error
	k.TLS, err = c.TLS.Client()
	return k, err
}

// topicPlan is every topic of the configured ledger.
func topicPlan(c *config.Config) *topics.Plan {
	p := &topics.Plan{
		Order: c.OrderTopic(), Outputs: c.OutputTopics(),
		Shards: c.Shards, Replication: c.Replication, MinInsync: c.MinInsync,
		Horizon: c.Snapshots.Horizon, HorizonBytes: c.Snapshots.HorizonBytes,
	}
	for _, t := range c.Topics {
		p.Inputs = append(p.Inputs, topics.Input{Name: t.Name, Role: t.Role, Partitions: t.Partitions})
	}
	return p
}
