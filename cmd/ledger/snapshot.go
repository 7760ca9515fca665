package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"marginledger/internal/api"
	"marginledger/internal/config"
	"marginledger/snapshot"
)

// shardFlag chooses shards.
type shardFlag struct {
	Shard []int32 `help:"These shards only." placeholder:"N,…"`
}

// of returns the shards that are meant.
func (f *shardFlag) of(c *config.Config) ([]int32, error) {
	if len(f.Shard) == 0 {
		all := make([]int32, c.Shards)
		for i := range all {
			all[i] = int32(i)
		}
		return all, nil
	}
	for _, s := range f.Shard {
		if s < 0 || s >= c.Shards {
			return nil, fmt.Errorf("--shard %d: the ledger has %d", s, c.Shards)
		}
	}
	return f.Shard, nil
}

// snapshotCmd asks a running ledger.
type snapshotCmd struct {
	configFlags
	shardFlag
	URL  string `help:"URL of a running process of the ledger; otherwise that of the configuration's http settings." placeholder:"http://HOST:PORT"`
	List bool   `help:"Take none: list what lies in the configured place. This needs no running ledger."`
	JSON bool   `help:"One JSON document on standard output."`
}

// Run takes one snapshot per shard, or lists them.
func (cmd *snapshotCmd) Run(ctx context.Context) error {
	c, err := cmd.load()
	if err != nil {
		return err
	}
	shards, err := cmd.of(c)
	if err != nil {
		return err
	}
	var found []api.Snapshot
	var damaged []string
	for _, shard := range shards {
		if cmd.List {
			store, err := c.SnapshotStore()
			if err != nil {
				return err
			}
			manifests, bad, err := snapshot.List(ctx, store, shard)
			if err != nil {
				return err
			}
			for _, m := range manifests {
				found = append(found, api.SnapshotOf(m))
			}
			for _, err := range bad {
				damaged = append(damaged, err.Error())
			}
			continue
		}
		s, err := askForSnapshot(ctx, c, cmd.URL, shard)
		if err != nil {
			return err
		}
		found = append(found, *s)
	}
	return printSnapshots(found, damaged, cmd.JSON)
}

func printSnapshots(list []api.Snapshot, damaged []string, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		if list == nil {
			list = []api.Snapshot{}
		}
		if damaged == nil {
			damaged = []string{}
		}
		return out.Encode(map[string]any{"snapshots": list, "damaged": damaged})
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "shard\tcut\tn\ttaken\tbytes\tidentity\troot")
	for _, s := range list {
		root := "none"
		if s.Root != nil {
			root = s.Root.Hash
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%s\t%d\t%s\t%s\n", s.At.Shard, s.At.Cut, s.At.N, s.Taken.Format(time.RFC3339), s.Bytes, s.Identity[:16], root)
	}
	for _, d := range damaged {
		fmt.Fprintln(os.Stderr, d)
	}
	return w.Flush()
}

// askForSnapshot has the process that holds a shard take a snapshot of it, and returns what came of it.
func askForSnapshot(ctx context.Context, c *config.Config, url string, shard int32) (*api.Snapshot, error) {
	if url == "" {
		url = processURL(c)
	}
	fail := func(err error) (*api.Snapshot, error) {
		return nil, fmt.Errorf("take a snapshot of shard %d by %s: %w", shard, url, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("%s/v1/shards/%d/snapshots", strings.TrimSuffix(url, "/"), shard), nil)
	if err != nil {
		return fail(err)
	}
	res, err := http.DefaultClient.Do(req) // follows the 307 of a process that does not hold the shard
	if err != nil {
		return fail(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return fail(err)
	}
	if res.StatusCode != http.StatusOK {
		var problem struct{ Detail string }
		if json.Unmarshal(body, &problem) != nil || problem.Detail == "" {
			problem.Detail = string(body)
		}
		return fail(errors.New(res.Status + ": " + problem.Detail))
	}
	var answer struct{ Snapshot api.Snapshot }
	if err := json.Unmarshal(body, &answer); err != nil {
		return fail(err)
	}
	return &answer.Snapshot, nil
}

// processURL is where the configured process answers.
func processURL(c *config.Config) string {
	if c.HTTP.Advertise != "" {
		return c.HTTP.Advertise
	}
	host, port, err := net.SplitHostPort(c.HTTP.Address)
	if err != nil || host == "" || net.ParseIP(host) != nil && net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
