package config

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"marginledger/snapshot/sumtree"
)

// setting is one key of the configuration with a text form and its inverse.
type setting struct {
	key    string
	help   string
	set    func(text string) error
	get    func() string
	list   bool // a YAML sequence of scalars is allowed, and means the same as its elements joined by commas
	secret bool // never printed
}

// settings returns the table of c's scalar settings, in the order in which they are printed. `topics`, a list of
// mappings, is read by its own function.
func (c *Config) settings() []setting {
	return []setting{
		{key: "brokers", help: "host:port of some brokers", list: true, set: addresses(&c.Brokers), get: joined(&c.Brokers)},
		text("clientId", "name in the brokers' logs and quotas", &c.ClientID, nonEmpty),
		boolean("tls.enabled", "encrypt connections to brokers", &c.TLS.Enabled),
		text("tls.caFile", "PEM file of trusted roots; empty: the system's", &c.TLS.CAFile, nil),
		text("tls.certFile", "PEM file of the client's certificate", &c.TLS.CertFile, nil),
		text("tls.keyFile", "PEM file of its key", &c.TLS.KeyFile, nil),
		text("tls.serverName", "name expected in the broker's certificate; empty: its host", &c.TLS.ServerName, nil),
		text("sasl.mechanism", "empty, PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", &c.SASL.Mechanism, oneOf("", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")),
		text("sasl.user", "user name", &c.SASL.User, nil),
		secret(text("sasl.password", "password; better given by file or environment", &c.SASL.Password, nil)),
		text("sasl.passwordFile", "file that holds the password", &c.SASL.PasswordFile, nil),
		text("group", "consumer group, and prefix of transactional ids", &c.Group, topicName),
		text("topicPrefix", "prefix of the order log and the output topics", &c.TopicPrefix, optional(topicName)),
		integer("shards", "partitions of account topics, order log and outputs", &c.Shards, 1, 10_000),
		integer("replication", "replication factor of created topics", &c.Replication, 1, 100),
		integer("minInsync", "min.insync.replicas of created topics", &c.MinInsync, 1, 100),
		text("dataDir", "directory of the stored state", &c.DataDir, nonEmpty),
		integer("dedupeWindow", "unsequenced records remembered per source; never change it on a running ledger", &c.DedupeWindow, 1, 1<<28),
		duration("maxSourceWait", "how long a silent source may hold up the others; 0: for ever", &c.MaxSourceWait, 0),
		integer("cut.maxRecords", "records in one cut at most", &c.Cut.MaxRecords, 1, 1_000_000),
		integer("cut.maxOutputs", "announcements in one cut at most; one record may have more", &c.Cut.MaxOutputs, 1, 1_000_000),
		duration("cut.maxAge", "age at which a cut is closed", &c.Cut.MaxAge, time.Microsecond),
		integer("memory.buffer", "bytes of records read ahead, per shard", &c.Memory.Buffer, 1<<20, 1<<40),
		integer("memory.inFlight", "bytes of cuts closed and not yet stored, per shard", &c.Memory.InFlight, 1<<20, 1<<40),
		integer("memory.store", "bytes of the store's cache, per shard", &c.Memory.Store, 1<<20, 1<<40),
		integer("memory.gcPercent", "garbage, in percent of what is live, at which the process collects; less memory for more CPU time where it is low", &c.Memory.GCPercent, 10, 10_000),
		text("snapshots.dir", "where snapshots lie, unless in a bucket; empty: <dataDir>/snapshots", &c.Snapshots.Dir, nil),
		text("snapshots.bucket", "bucket that snapshots lie in; empty: none", &c.Snapshots.Bucket, nil),
		text("snapshots.prefix", "prefix of their keys in it", &c.Snapshots.Prefix, nil),
		text("snapshots.endpoint", "URL of the bucket's server", &c.Snapshots.Endpoint, serverURL),
		text("snapshots.region", "the bucket's region; empty: the server is asked", &c.Snapshots.Region, nil),
		text("snapshots.accessKey", "empty: that of the environment (AWS_ACCESS_KEY_ID), the AWS credentials file, or the machine's role", &c.Snapshots.AccessKey, nil),
		secret(text("snapshots.accessKeySecret", "goes with it; better given by file or environment", &c.Snapshots.SecretKey, nil)),
		text("snapshots.accessKeySecretFile", "file that holds the secret key", &c.Snapshots.SecretKeyFile, nil),
		integer("snapshots.cuts", "one is due after so many cuts", &c.Snapshots.Cuts, 1, 1<<62),
		integer("snapshots.bytes", "or after so many bytes of changed rows; 0: however many", &c.Snapshots.Bytes, 0, 1<<62),
		duration("snapshots.every", "or after so long, if anything has changed; 0: however long", &c.Snapshots.Every, 0),
		integer("snapshots.keep", "kept per shard: the last so many", &c.Snapshots.Keep, 1, 10_000),
		integer("snapshots.keepHourly", "and the newest of each of the last so many hours that have one", &c.Snapshots.KeepHourly, 0, 10_000),
		integer("snapshots.keepDaily", "and of each of the last so many days", &c.Snapshots.KeepDaily, 0, 10_000),
		secret(text("snapshots.auditKey", "key of the Merkle-sum roots, 64 hex digits or more; better given by file or environment; empty: snapshots have no root", &c.Snapshots.AuditKey, optional(auditKey))),
		text("snapshots.auditKeyFile", "file that holds the audit key", &c.Snapshots.AuditKeyFile, nil),
		duration("snapshots.horizon", "how far back inputs must reach", &c.Snapshots.Horizon, time.Minute),
		integer("snapshots.horizonBytes", "likewise in bytes per partition; 0: inputs have no limit in bytes", &c.Snapshots.HorizonBytes, 0, 1<<62),
		text("http.address", "address of the API and the metrics", &c.HTTP.Address, address),
		text("http.advertise", "URL under which other processes reach it; empty: http://<address>", &c.HTTP.Advertise, nil),
		text("http.pprofAddress", "address of pprof; empty: off", &c.HTTP.PprofAddress, optional(address)),
		duration("http.minCutTimeout", "how long a request may wait for its min_cut", &c.HTTP.MinCutTimeout, time.Millisecond),
		text("log.level", "debug, info, warn or error", &c.Log.Level, oneOf("debug", "info", "warn", "error")),
		text("log.format", "json or console", &c.Log.Format, oneOf("json", "console")),
	}
}

// Env returns the environment variable of a key: cut.maxAge is MARGINLEDGER_CUT_MAX_AGE.
func Env(key string) string {
	var b strings.Builder
	b.WriteString("MARGINLEDGER_")
	for _, r := range key {
		switch {
		case r == '.':
			b.WriteByte('_')
		case r >= 'A' && r <= 'Z':
			b.WriteByte('_')
			b.WriteRune(r)
		default:
			b.WriteString(strings.ToUpper(string(r)))
		}
	}
	return b.String()
}

func secret(s setting) setting { s.secret = true; return s }

func text(key, help string, p *string, check func(string) error) setting {
	return setting{key: key, help: help, get: func() string { return *p }, set: func(v string) error {
		if check != nil {
			if err := check(v); err != nil {
				return err
			}
		}
		*p = v
		return nil
	}}
}

func boolean(key, help string, p *bool) setting {
	return setting{key: key, help: help, get: func() string { return strconv.FormatBool(*p) }, set: func(v string) error {
		if v != "true" && v != "false" {
			return fmt.Errorf("%q is neither true nor false", v)
		}
		*p = v == "true"
		return nil
	}}
}

func integer[T ~int | ~int16 | ~int32 | ~int64 | ~uint64](key, help string, p *T, least, most int64) setting {
	return setting{key: key, help: help, get: func() string { return strconv.FormatInt(int64(*p), 10) }, set: func(v string) error {
		n, err := strconv.ParseInt(strings.ReplaceAll(v, "_", ""), 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", v)
		}
		if n < least || n > most {
			return fmt.Errorf("%d is not in %d to %d", n, least, most)
		}
		*p = T(n)
		return nil
	}}
}

func duration(key, help string, p *time.Duration, least time.Duration) setting {
	return setting{key: key, help: help, get: func() string { return p.String() }, set: func(v string) error {
		d, err := time.ParseDuration(v)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 5ms, 10m or 168h", v)
		}
		if d < least {
			return fmt.Errorf("%s is less than %s", d, least)
		}
		*p = d
		return nil
	}}
}

func joined(p *[]string) func() string { return func() string { return strings.Join(*p, ",") } }

func addresses(p *[]string) func(string) error {
	return func(v string) error {
		list := strings.Split(v, ",")
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
			if err := address(list[i]); err != nil {
				return err
			}
		}
		*p = list
		return nil
	}
}

func nonEmpty(v string) error {
	if v == "" {
		return fmt.Errorf("must not be empty")
	}
	return nil
}

func serverURL(v string) error {
	if u, err := url.Parse(v); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is no URL such as https://s3.amazonaws.com", v)
	}
	return nil
}

func auditKey(v string) error {
	_, err := sumtree.ParseKey(v)
	return err
}

func address(v string) error {
	if _, port, err := net.SplitHostPort(v); err != nil || port == "" {
		return fmt.Errorf("%q is not host:port", v)
	}
	return nil
}

// legalTopic is what Kafka accepts as a topic's name.
var legalTopic = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

func topicName(v string) error {
	if !legalTopic.MatchString(v) {
		return fmt.Errorf("%q is not a legal Kafka name (letters, digits, '.', '_', '-', up to 249)", v)
	}
	return nil
}

func optional(check func(string) error) func(string) error {
	return func(v string) error {
		if v == "" {
			return nil
		}
		return check(v)
	}
}

func oneOf(values ...string) func(string) error {
	return func(v string) error {
		if !slices.Contains(values, v) {
			return fmt.Errorf("%q is none of %s", v, strings.Join(slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == "" }), ", "))
		}
		return nil
	}
}
