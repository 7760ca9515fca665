// Package config reads the ledger's configuration: one YAML file, environment variables over it, flags over those.
//
// Every setting is a line of one table (settings.go): its key, its bounds and its text form. So an unknown key or a bad
// value is named with its file and line, and every effective value can be printed with where it came from.
package config

import (
	"time"

	"marginledger/events"
)

// Config is the effective configuration. Make one with Load: the zero value is not valid.
type Config struct {
	Brokers  []string // host:port of some brokers
	ClientID string
	TLS      TLS
	SASL     SASL

	Group       string // consumer group; also the prefix of transactional ids
	TopicPrefix string // of the topics that the ledger owns: order log and outputs
	Shards      int32  // partitions of every account topic, of the order log and of the outputs
	Topics      []Topic
	Replication int16 // of topics that `ledger topics create` makes
	MinInsync   int16

	DataDir       string        // one Pebble per shard below it
	DedupeWindow  int           // unsequenced records remembered per source; part of what replay needs
	MaxSourceWait time.Duration // how long a silent source may hold up the others; 0: for ever

	Cut       Cut
	Memory    Memory
	Snapshots Snapshots
	HTTP      HTTP
	Log       Log

	sources map[string]string // key → where its value came from
}

// TLS says how connections to brokers are encrypted.
type TLS struct {
	Enabled    bool
	CAFile     string // PEM; "": the system's roots
	CertFile   string // PEM of the client's certificate, with KeyFile
	KeyFile    string
	ServerName string // "": the broker's host
}

// SASL says how the ledger proves who it is. An empty Mechanism: not at all.
type SASL struct {
	Mechanism    string // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
	User         string
	Password     string
	PasswordFile string // read instead of Password; trailing line end removed
}

// Topic is one input topic.
type Topic struct {
	Name       string
	Role       events.Role
	Partitions int32 // wanted by `ledger topics create`; account topics always have Shards
}

// Cut says when a cut is closed: whichever comes first.
type Cut struct {
	MaxRecords int
	MaxOutputs int           // one record may have more
	MaxAge     time.Duration // since it was opened
}

// Memory bounds what each shard holds besides its state, in bytes.
type Memory struct {
	Buffer   int   // records read ahead
	InFlight int   // cuts closed and not yet stored
	Store    int64 // Pebble's block cache

	GCPercent int // of the whole process: garbage may grow to this share of what is live before it is collected
}

// Snapshots says where the ledger's snapshots lie, when one is due, which are kept, and how far back an input must
// reach for a restart.
type Snapshots struct {
	Dir string // unless there is a bucket

	Bucket               string // of S3 or what speaks its protocol; "": none
	Prefix               string // of its keys
	Endpoint, Region     string // of its server
	AccessKey, SecretKey string // "": the environment's, or the machine's role
	SecretKeyFile        string // read instead of SecretKey; trailing line end removed

	Cuts  uint64        // one is due after so many cuts,
	Bytes int64         // or so many bytes of changed rows; 0: however many,
	Every time.Duration // or so long; 0: however long

	Keep, KeepHourly, KeepDaily int // per shard: the last, the newest of each hour, of each day

	AuditKey     string // hex, of the Merkle-sum roots; "": snapshots have none
	AuditKeyFile string // read instead of AuditKey

	Horizon      time.Duration // input retention in time must be at least this
	HorizonBytes int64         // and retention in bytes per partition; 0: inputs must have no limit in bytes
}

// HTTP says where the service answers.
type HTTP struct {
	Address       string
	Advertise     string        // URL under which other processes reach this one; "": http://<Address>
	PprofAddress  string        // "": no pprof
	MinCutTimeout time.Duration // how long a request may wait for its min_cut
}

// Log says what is logged and how.
type Log struct {
	Level  string // debug, info, warn, error
	Format string // json, console
}

// Default returns the configuration before any file, variable or flag. Brokers and Topics have no default.
func Default() *Config {
	return &Config{
		ClientID:     "marginledger",
		Group:        "marginledger",
		Shards:       1,
		Replication:  3,
		MinInsync:    2,
		DataDir:      "ledger-data",
		DedupeWindow: 1 << 20,
		Cut:          Cut{MaxRecords: 16_384, MaxOutputs: 20_000, MaxAge: 5 * time.Millisecond},
		Memory:       Memory{Buffer: 64 << 20, InFlight: 64 << 20, Store: 64 << 20, GCPercent: 200},
		Snapshots:    Snapshots{Endpoint: "https://s3.amazonaws.com", Cuts: 10_000, Every: time.Hour, Keep: 3, KeepHourly: 24, KeepDaily: 7, Horizon: 7 * 24 * time.Hour},
		HTTP:         HTTP{Address: "127.0.0.1:8080", MinCutTimeout: 5 * time.Second},
		Log:          Log{Level: "info", Format: "json"},
	}
}

// OrderTopic returns the full name of the order log.
func (c *Config) OrderTopic() string { return c.TopicPrefix + "ledger.order.v1" }

// OutputTopics returns the full names of the output topics, by stream.
func (c *Config) OutputTopics() []string {
	names := make([]string, events.Streams)
	for s := range names {
		names[s] = c.TopicPrefix + events.Stream(s).String()
	}
	return names
}

// AdvertisedURL returns the URL that the fence records of this process carry.
func (c *Config) AdvertisedURL() string {
	if c.HTTP.Advertise != "" {
		return c.HTTP.Advertise
	}
	return "http://" + c.HTTP.Address
}
