package api

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"marginledger/events"
	"marginledger/internal/pipeline"
)

// Metrics are the ledger's figures for Prometheus; docs/operations.md lists them. Counters and gauges are read from
// the shards when they are asked for, so counting costs the fold nothing; latencies come through pipeline.Observer.
type Metrics struct {
	Registry *prometheus.Registry

	statuses func() []pipeline.Status
	order    *prometheus.HistogramVec
	publish  *prometheus.HistogramVec
}

var _ pipeline.Observer = (*Metrics)(nil)

// NewMetrics returns metrics with a registry of their own. statuses tells of every shard of the process.
func NewMetrics(version string, statuses func() []pipeline.Status) *Metrics {
	// 100 µs to 6.5 s.
	buckets := prometheus.ExponentialBuckets(0.0001, 2, 17)
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		statuses: statuses,
		order: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ledger_order_ack_seconds", Help: "Time until a request to the order log is acknowledged.", Buckets: buckets,
		}, []string{"shard"}),
		publish: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ledger_publish_seconds", Help: "Time from the close of a cut until its announcements are published.", Buckets: buckets,
		}, []string{"shard"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "ledger_build_info", Help: "1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "rules": pipeline.RulesVersion},
	})
	build.Set(1)
	m.Registry.MustRegister(m.order, m.publish, build, m, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// OrderAcked implements pipeline.Observer.
func (m *Metrics) OrderAcked(shard int32, took time.Duration) {
	m.order.WithLabelValues(label(shard)).Observe(took.Seconds())
}

// Published implements pipeline.Observer.
func (m *Metrics) Published(shard int32, took time.Duration) {
	m.publish.WithLabelValues(label(shard)).Observe(took.Seconds())
}

func label[T int32 | int](n T) string { return strconv.Itoa(int(n)) }

// family is one metric that is read from a status.
type family struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func newFamily(kind prometheus.ValueType, name, help string, labels ...string) family {
	return family{prometheus.NewDesc(name, help, append([]string{"shard"}, labels...), nil), kind}
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// The metrics that are read from a shard's status.
var (
	shardReady     = newFamily(gauge, "ledger_shard_ready", "1 once the shard is past its fence and everything before it is stored.")
	shardStopped   = newFamily(gauge, "ledger_shard_stopped", "1 if the shard has stopped for good and waits for a person.")
	shardTerm      = newFamily(gauge, "ledger_shard_term", "Offset of this owner's fence record in the order log.")
	shardTerms     = newFamily(counter, "ledger_terms_total", "Terms begun by this process.")
	shardCut       = newFamily(gauge, "ledger_cut", "Number of the last stored cut.")
	shardRecords   = newFamily(gauge, "ledger_records", "Records consumed by the shard since it exists: n of the last stored cut.")
	shardSnapshot  = newFamily(gauge, "ledger_snapshot_cut", "Cut of the last snapshot taken by this process.")
	snapshotTaken  = newFamily(gauge, "ledger_snapshot_taken_seconds", "When that snapshot was taken, in seconds since 1970; 0: none was.")
	snapshotBytes  = newFamily(gauge, "ledger_snapshot_bytes", "Size of its file.")
	snapshotTook   = newFamily(gauge, "ledger_snapshot_seconds", "How long it took, until it was verified.")
	snapshotFailed = newFamily(counter, "ledger_snapshots_failed_total", "Snapshots that were given up after all attempts.")
	shardReplay    = newFamily(gauge, "ledger_replay_target_cut", "Cut up to which the shard replays; 0: it does not.")
	shardHeld      = newFamily(gauge, "ledger_in_flight_bytes", "Cuts that are closed and not yet stored.")
	shardEvents    = newFamily(counter, "ledger_events_total", "Records folded here, by event type.", "type")
	shardOutputs   = newFamily(counter, "ledger_announcements_total", "Announcements made here, by kind.", "kind")
	shardDead      = newFamily(counter, "ledger_dead_letters_total", "Dead letters made here, by reason.", "reason")
	shardRules     = newFamily(counter, "ledger_violations_total", "Violations announced here, by rule.", "rule")
	shardRepeated  = newFamily(counter, "ledger_duplicates_total", "Repeated facts that were left out.")
	shardSeq       = newFamily(gauge, "ledger_output_seq", "Last sequence stored of an output topic.", "topic")
	sourceLag      = newFamily(gauge, "ledger_source_lag", "Offsets that a source is behind its last stable offset; -1: not known.", "topic", "partition")
	sourceBuffered = newFamily(gauge, "ledger_source_buffered_bytes", "Records read ahead.", "topic", "partition")
	sourceFailing  = newFamily(gauge, "ledger_source_failing", "1 while fetches of a source fail.", "topic", "partition")
	sourceWaiting  = newFamily(gauge, "ledger_source_awaited", "1 while the shard waits for this source.", "source")
	storeDisk      = newFamily(gauge, "ledger_store_disk_bytes", "Size of the stored state.")
	storeWAL       = newFamily(gauge, "ledger_store_wal_bytes", "Size of Pebble's write-ahead log.")
	storeL0        = newFamily(gauge, "ledger_store_l0_files", "Files in Pebble's level 0; many slow reads down.")
	storeDebt      = newFamily(gauge, "ledger_store_compaction_debt_bytes", "What Pebble has yet to compact.")
	storeStalls    = newFamily(counter, "ledger_store_write_stalls_total", "Times that Pebble stopped writes.")
	storeErrors    = newFamily(counter, "ledger_store_background_errors_total", "Errors of Pebble's background work.")
	storeFatals    = newFamily(counter, "ledger_store_fatal_errors_total", "Fatal errors of Pebble.")
	families       = []family{shardReady, shardStopped, shardTerm, shardTerms, shardCut, shardRecords, shardSnapshot, snapshotTaken,
		snapshotBytes, snapshotTook, snapshotFailed, shardReplay,
		shardHeld, shardEvents, shardOutputs, shardDead, shardRules, shardRepeated, shardSeq, sourceLag, sourceBuffered, sourceFailing,
		sourceWaiting, storeDisk, storeWAL, storeL0, storeDebt, storeStalls, storeErrors, storeFatals}
)

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range families {
		ch <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	for _, s := range m.statuses() {
		collectShard(ch, &s)
	}
}

func collectShard(ch chan<- prometheus.Metric, s *pipeline.Status) {
	shard := label(s.Shard)
	put := func(f family, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(f.desc, f.kind, value, append([]string{shard}, labels...)...)
	}
	put(shardReady, truth(s.Ready))
	put(shardStopped, truth(s.Phase == pipeline.PhaseStopped))
	put(shardTerm, float64(s.Term))
	put(shardTerms, float64(s.Takes))
	put(shardCut, float64(s.Cut))
	put(shardRecords, float64(s.N))
	put(shardSnapshot, float64(s.Snapshot))
	put(snapshotBytes, float64(s.SnapshotBytes))
	put(snapshotTook, s.SnapshotSeconds)
	put(snapshotFailed, float64(s.SnapshotsFailed))
	taken := 0.0
	if !s.SnapshotTaken.IsZero() {
		taken = float64(s.SnapshotTaken.Unix())
	}
	put(snapshotTaken, taken)
	put(shardReplay, float64(s.ReplayTo))
	put(shardHeld, float64(s.Held))
	put(shardRepeated, float64(s.Repeated))
	for _, by := range []struct {
		family family
		counts map[string]uint64
	}{{shardEvents, s.ByType}, {shardOutputs, s.ByKind}, {shardDead, s.Reasons}, {shardRules, s.Rules}} {
		for name, n := range by.counts {
			put(by.family, float64(n), name)
		}
	}
	for stream, seq := range s.Seqs {
		put(shardSeq, float64(seq), events.Stream(stream).String())
	}
	if s.Waiting != "" {
		put(sourceWaiting, 1, s.Waiting)
	}
	for _, src := range s.Sources {
		partition := label(src.Partition)
		put(sourceLag, float64(src.Lag), src.Topic, partition)
		put(sourceBuffered, float64(src.Buffered), src.Topic, partition)
		put(sourceFailing, truth(src.Failing != ""), src.Topic, partition)
	}
	put(storeDisk, float64(s.Store.DiskBytes))
	put(storeWAL, float64(s.Store.WALBytes))
	put(storeL0, float64(s.Store.L0Files))
	put(storeDebt, float64(s.Store.CompactionDebt))
	put(storeStalls, float64(s.Store.WriteStalls))
	put(storeErrors, float64(s.Store.BackgroundErrors))
	put(storeFatals, float64(s.Store.FatalErrors))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
