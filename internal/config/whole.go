package config

import (
	"os"
	"slices"
	"strings"

	"marginledger/events"
)

// whole checks what no single key shows.
func (l *loader) whole() {
	c := l.c
	if len(c.Brokers) == 0 {
		l.fail("%s: brokers: not given", l.name())
	}
	if len(c.Topics) == 0 {
		l.fail("%s: topics: not given; at least config, accounts and prices are needed", l.name())
	}
	if c.MinInsync > c.Replication {
		l.fail("%s: minInsync: %d is more than replication, %d: nothing could be written", c.sources["minInsync"], c.MinInsync, c.Replication)
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		l.fail("%s: tls.certFile and tls.keyFile: only one is given", l.name())
	}
	if !c.TLS.Enabled && (c.TLS.CAFile != "" || c.TLS.CertFile != "" || c.TLS.ServerName != "") {
		l.fail("%s: tls.enabled: false, but other tls settings are given", l.name())
	}
	l.password()
	l.snapshots()
	if len(c.Topics) > 0 {
		l.roles()
	}
}

func (l *loader) name() string {
	if l.path == "" {
		return "configuration"
	}
	return l.path
}

// password reads the password file and checks that mechanism, user and password come together.
func (l *loader) password() {
	s := &l.c.SASL
	if !l.secretFile("sasl.password", &s.Password, s.PasswordFile) {
		return
	}
	switch {
	case s.Mechanism == "" && (s.User != "" || s.Password != ""):
		l.fail("%s: sasl.mechanism: not given, but a user or a password is", l.name())
	case s.Mechanism != "" && (s.User == "" || s.Password == ""):
		l.fail("%s: sasl.user and sasl.password: needed with %s", l.name(), s.Mechanism)
	}
}

// secretFile reads a secret from the file that is given instead of it; false where that fails.
func (l *loader) secretFile(key string, secret *string, path string) bool {
	if path == "" {
		return true
	}
	from := l.c.sources[key+"File"]
	data, err := os.ReadFile(path)
	if err != nil {
		l.fail("%s: %sFile: %w", from, key, err)
		return false
	}
	if *secret != "" {
		l.fail("%s: %sFile: given beside %s", from, key, key)
		return false
	}
	*secret = strings.TrimRight(string(data), "\r\n")
	l.c.sources[key] = path
	return true
}

// snapshots checks keys, and that a bucket is all or nothing.
func (l *loader) snapshots() {
	s := &l.c.Snapshots
	if l.secretFile("snapshots.auditKey", &s.AuditKey, s.AuditKeyFile) && s.AuditKey != "" {
		if err := auditKey(s.AuditKey); err != nil {
			l.fail("%s: snapshots.auditKey: %w", l.c.sources["snapshots.auditKey"], err)
		}
	}
	if !l.secretFile("snapshots.accessKeySecret", &s.SecretKey, s.SecretKeyFile) {
		return
	}
	switch {
	case s.Bucket != "" && s.Dir != "":
		l.fail("%s: snapshots.dir and snapshots.bucket: snapshots go to one place", l.name())
	case s.Bucket == "" && (s.Prefix != "" || s.Region != ""):
		l.fail("%s: snapshots.bucket: not given, but a prefix or a region is", l.name())
	case (s.AccessKey == "") != (s.SecretKey == ""):
		l.fail("%s: snapshots.accessKey and snapshots.accessKeySecret: only one is given", l.name())
	}
}

// roles checks that the topics make a ledger, and that none is one of the ledger's own.
func (l *loader) roles() {
	where := l.c.sources["topics"]
	for _, need := range []events.Role{events.RoleConfig, events.RoleAccounts, events.RolePrices} {
		if !slices.ContainsFunc(l.c.Topics, func(t Topic) bool { return t.Role == need }) {
			l.fail("%s: topics: none has role %s", where, need)
		}
	}
	own := append(l.c.OutputTopics(), l.c.OrderTopic())
	for _, t := range l.c.Topics {
		if slices.Contains(own, t.Name) {
			l.fail("%s: topics: %s is the ledger's own", where, t.Name)
		}
		if t.Role == events.RoleAccounts && t.Partitions != 1 && t.Partitions != l.c.Shards {
			l.fail("%s: topics: %s has %d partitions, but shards is %d; account topics have one partition per shard",
				where, t.Name, t.Partitions, l.c.Shards)
		}
	}
	for i := range l.c.Topics {
		if l.c.Topics[i].Role == events.RoleAccounts {
			l.c.Topics[i].Partitions = l.c.Shards
		}
	}
}
