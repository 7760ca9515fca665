package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"marginledger/internal/eventlog"
	"marginledger/internal/topics"
)

// doctorCmd checks a configuration against a live cluster.
type doctorCmd struct {
	configFlags
	Timeout time.Duration `help:"How long the cluster may take to answer." default:"15s"`
}

// doctorClient adds the doctor's question to a client.
type doctorClient struct{ *eventlog.Client }

// CanProduce starts a producer without a transactional id: nobody is fenced by that.
func (c doctorClient) CanProduce(ctx context.Context) error {
	_, err := c.NewProducer(ctx, "")
	return err
}

// Run prints one line per finding; the exit status is 1 if any is a fail.
func (cmd *doctorCmd) Run(ctx context.Context) error {
	c, client, err := cmd.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, cmd.Timeout)
	defer cancel()
	snapshots, err := c.SnapshotStore()
	if err != nil {
		return err
	}
	findings := topics.Doctor(ctx, doctorClient{client}, topicPlan(c), c.DataDir, snapshots)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	count := make([]int, topics.Fail+1)
	for _, f := range findings {
		count[f.Level]++
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", f.Level, f.Subject, f.Text); err != nil {
			return fmt.Errorf("print findings: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print findings: %w", err)
	}
	fmt.Printf("%d ok, %d warn, %d fail\n", count[topics.OK], count[topics.Warn], count[topics.Fail])
	if count[topics.Fail] > 0 {
		return exitError{1}
	}
	return nil
}
