package topics

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/snapshot"
)

// DoctorCluster is what the doctor asks of a cluster.
type DoctorCluster interface {
	Cluster
	ClusterID(ctx context.Context) (string, error)
	Offsets(ctx context.Context, topic string, partition int32) (logStart, lastStable int64, err error)
	CanProduce(ctx context.Context) error // an idempotent producer can be started
}

// Doctor checks a plan, a data directory and the snapshots against a live cluster. It changes nothing, and fences nobody. An error is
// a finding; it stops only when the cluster cannot be reached at all.
func Doctor(ctx context.Context, c DoctorCluster, p *Plan, dataDir string, snaps snapshot.Store) []Finding {
	out := []Finding{directory(dataDir)}
	id, err := c.ClusterID(ctx)
	if err != nil {
		return append(out, Finding{Fail, "cluster", fmt.Sprintf("cannot be reached (%s); check brokers, tls and sasl", oneLine(err))})
	}
	out = append(out, Finding{OK, "cluster", "reached, id " + id})
	if err := c.CanProduce(ctx); err != nil {
		out = append(out, Finding{Fail, "producer", fmt.Sprintf("an idempotent producer cannot be started: %s", oneLine(err))})
	} else {
		out = append(out, Finding{OK, "producer", "an idempotent producer can be started"})
	}
	have, err := c.DescribeTopics(ctx, p.Names())
	if err != nil {
		return append(out, Finding{Fail, "topics", fmt.Sprintf("cannot be described (%s); the ledger needs Describe and DescribeConfigs on them", oneLine(err))})
	}
	out = append(out, p.Check(have)...)
	out = append(out, logs(ctx, c, p, have)...)
	return append(out, snapshots(ctx, c, p, snaps, id)...)
}

// oneLine keeps a joined error from breaking the table.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// directory says whether the state can be stored at dir, or made there.
func directory(dir string) Finding {
	probe := dir
	for {
		info, err := os.Stat(probe)
		if err == nil && !info.IsDir() {
			return Finding{Fail, "dataDir", probe + " is not a directory"}
		}
		if err == nil {
			break
		}
		if parent := filepath.Dir(probe); parent != probe {
			probe = parent
			continue
		}
		return Finding{Fail, "dataDir", err.Error()}
	}
	f, err := os.CreateTemp(probe, ".doctor-*")
	if err != nil {
		return Finding{Fail, "dataDir", fmt.Sprintf("%s cannot be written to: %v", probe, err)}
	}
	name := f.Name()
	if err := f.Close(); err != nil {
		return Finding{Fail, "dataDir", err.Error()}
	}
	if err := os.Remove(name); err != nil {
		return Finding{Fail, "dataDir", err.Error()}
	}
	if probe != dir {
		return Finding{OK, "dataDir", dir + " is not there yet and can be made"}
	}
	return Finding{OK, "dataDir", dir + " can be written to"}
}

// logs reads both ends of every partition: who may not read learns it here, and an order log whose beginning is gone
// shows.
func logs(ctx context.Context, c DoctorCluster, p *Plan, have map[string]eventlog.TopicInfo) []Finding {
	var out []Finding
	for _, name := range p.Names() {
		info, ok := have[name]
		if !ok {
			continue
		}
		var records int64
		failed := false
		for _, part := range info.Partitions {
			start, end, err := c.Offsets(ctx, name, part.ID)
			switch {
			case err != nil:
				out = append(out, Finding{Fail, name, fmt.Sprintf("partition %d cannot be read: %s", part.ID, oneLine(err))})
				failed = true
			case name == p.Order && start > 0:
				out = append(out, Finding{Warn, name, fmt.Sprintf("partition %d begins at offset %d: what lies before is gone, so only snapshots can start a ledger", part.ID, start)})
			case p.role(name) == events.RoleConfig && start > 0:
				out = append(out, Finding{Warn, name, fmt.Sprintf("partition %d begins at offset %d: a ledger without a snapshot would not know the markets announced before", part.ID, start)})
			}
			records += end - start
		}
		if !failed {
			out = append(out, Finding{OK, name, fmt.Sprintf("readable, %d offsets in %d partitions", records, len(info.Partitions))})
		}
	}
	return out
}

func (p *Plan) role(name string) events.Role {
	for _, in := range p.Inputs {
		if in.Name == name {
			return in.Role
		}
	}
	return events.RoleInvalid
}
