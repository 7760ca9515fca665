package main

import (
	"os"

	"marginledger/internal/audit"
	"marginledger/internal/config"
	"marginledger/internal/eventlog"
	"marginledger/internal/pipeline"
)

// where says which ledger's past is meant.
type where struct {
	Dir     string `help:"A kept day of the demo: its broker is started on it. The demo must not run." type:"path" xor:"where" required:"" placeholder:"D"`
	Config  string `help:"Configuration of a ledger on a cluster, which may be running." type:"path" xor:"where" required:"" placeholder:"F"`
	Archive string `help:"An archive of \"replay archive\"." type:"path" xor:"where" required:"" placeholder:"FOLDER"`
}

// open opens the past; the caller closes it.
func (w *where) open() (*audit.Past, error) {
	switch {
	case w.Dir != "":
		return audit.OpenDir(w.Dir)
	case w.Archive != "":
		return audit.OpenArchive(w.Archive)
	}
	c, err := config.Load(w.Config, os.Environ(), nil)
	if err != nil {
		return nil, err
	}
	kafka, err := kafkaConfig(c)
	if err != nil {
		return nil, err
	}
	key, err := c.AuditKey()
	if err != nil {
		return nil, err
	}
	snapshots, err := c.SnapshotStore()
	if err != nil {
		return nil, err
	}
	client, err := eventlog.Open(kafka)
	if err != nil {
		return nil, err
	}
	cfg := pipeline.Config{OrderTopic: c.OrderTopic(), DataDir: c.DataDir, DedupeWindow: c.DedupeWindow, BufferBytes: c.Memory.Buffer,
		Snapshots: pipeline.SnapshotPolicy{Store: snapshots, Key: key}}
	copy(cfg.OutputTopics[:], c.OutputTopics())
	return audit.OpenKafka(w.Config, client, cfg), nil
}

// kafkaConfig says how to reach the configured cluster; it reads the certificate files.
func kafkaConfig(c *config.Config) (eventlog.Config, error) {
	k := eventlog.Config{Brokers: c.Brokers, ClientID: c.ClientID + "-replay"}
	if c.SASL.Mechanism != "" {
		k.SASL = &eventlog.SASL{Mechanism: c.SASL.Mechanism, User: c.SASL.User, Password: c.SASL.Password}
	}
	var err error
	k.TLS, err = c.TLS.Client()
	return k, err
}
