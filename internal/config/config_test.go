package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"marginledger/events"
)

const good = `# a comment
brokers: [a:9092, b:9092]
shards: 4
topicPrefix: prod.
sasl:
  mechanism: SCRAM-SHA-512
  user: ledger
  password: secret
cut:
  maxAge: 10ms
log: {level: debug, format: console}
topics:
  - {name: ex.config.v1, role: config}
  - name: ex.fills.v1
    role: accounts
  - {name: ex.marks.v1, role: prices, partitions: 3}
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	path := write(t, good)
	c, err := Load(path, []string{"MARGINLEDGER_CUT_MAX_RECORDS=77", "MARGINLEDGER_SHARDS=8", "OTHER=1"},
		[]Override{{"shards", "16"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Brokers) != 2 || c.Brokers[1] != "b:9092" || c.Shards != 16 || c.Cut.MaxAge != 10*time.Millisecond ||
		c.Cut.MaxRecords != 77 || c.Log.Level != "debug" || c.Group != "marginledger" {
		t.Fatalf("got %+v", c)
	}
	want := []Topic{{"ex.config.v1", events.RoleConfig, 1}, {"ex.fills.v1", events.RoleAccounts, 16}, {"ex.marks.v1", events.RolePrices, 3}}
	for i, topic := range c.Topics {
		if topic != want[i] {
			t.Errorf("topic %d: got %+v, want %+v", i, topic, want[i])
		}
	}
	if c.OrderTopic() != "prod.ledger.order.v1" || c.OutputTopics()[0] != "prod.ledger.liquidations.v1" {
		t.Errorf("own topics: %s, %v", c.OrderTopic(), c.OutputTopics())
	}
	for key, source := range map[string]string{
		"shards": "flag", "cut.maxRecords": "env MARGINLEDGER_CUT_MAX_RECORDS", "cut.maxAge": path + ":10",
		"group": "default", "brokers": path + ":2", "topics": path + ":12",
	} {
		if c.sources[key] != source {
			t.Errorf("source of %s: got %q, want %q", key, c.sources[key], source)
		}
	}
}

// TestPrintLoads reads the printed configuration back: the same, and no secret in it.
func TestPrintLoads(t *testing.T) {
	c, err := Load(write(t, good), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "secret") {
		t.Errorf("the password is printed:\n%s", b.String())
	}
	again, err := Load(write(t, b.String()), []string{"MARGINLEDGER_SASL_PASSWORD=secret"}, nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	first, second := c.settings(), again.settings()
	for i := range first {
		if first[i].get() != second[i].get() {
			t.Errorf("%s: printed %q, read %q", first[i].key, first[i].get(), second[i].get())
		}
	}
	if len(again.Topics) != len(c.Topics) {
		t.Errorf("topics: printed %v, read %v", c.Topics, again.Topics)
	}
}

func TestErrorsNameLineAndKey(t *testing.T) {
	const topics = "\ntopics:\n  - {name: c, role: config}\n  - {name: a, role: accounts}\n  - {name: p, role: prices}\n"
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"unknown key", "brokers: [a:1]\ncut:\n  maxRecord: 5" + topics, []string{":3: unknown key cut.maxRecord (did you mean cut.maxRecords?)"}},
		{"letter case", "Brokers: [a:1]" + topics, []string{":1: unknown key Brokers (did you mean brokers?)"}},
		{"two errors", "brokers: [a:1]\nshards: many\nlog:\n  level: loud" + topics,
			[]string{`:2: shards: "many" is not a whole number`, `:4: log.level: "loud" is none of debug, info, warn, error`}},
		{"bounds", "brokers: [a:1]\nshards: 0" + topics, []string{":2: shards: 0 is not in 1 to 10000"}},
		{"duration", "brokers: [a:1]\ncut: {maxAge: 5}" + topics, []string{`:2: cut.maxAge: "5" is not a duration`}},
		{"twice", "brokers: [a:1]\nshards: 1\nshards: 2" + topics, []string{":3:", "shards"}},
		{"list for a word", "brokers: [a:1]\ngroup: [a, b]" + topics, []string{":2: group: expected one value, found a sequence"}},
		{"word for a section", "brokers: [a:1]\ncut: fast" + topics, []string{":2: cut: expected keys with values"}},
		{"no broker", "shards: 1" + topics, []string{"brokers: not given"}},
		{"bad address", "brokers: [localhost]" + topics, []string{`:1: brokers: "localhost" is not host:port`}},
		{"no topics", "brokers: [a:1]", []string{"topics: not given"}},
		{"role", "brokers: [a:1]\ntopics:\n  - {name: x, role: fills}", []string{`:3: topics[0].role: unknown role "fills"`}},
		{"topic key", "brokers: [a:1]\ntopics:\n  - {name: x, rôle: config}", []string{":3: unknown key topics[0].rôle"}},
		{"missing role", "brokers: [a:1]\ntopics:\n  - {name: c, role: config}\n  - {name: a, role: accounts}", []string{"none has role prices"}},
		{"topic twice", "brokers: [a:1]" + topics + "  - {name: c, role: prices}\n", []string{"c is listed twice"}},
		{"own topic", "brokers: [a:1]" + topics + "  - {name: ledger.order.v1, role: observed}\n", []string{"ledger.order.v1 is the ledger's own"}},
		{"insync", "brokers: [a:1]\nreplication: 1\nminInsync: 2" + topics, []string{":3: minInsync: 2 is more than replication, 1"}},
		{"accounts", "brokers: [a:1]\nshards: 4\ntopics:\n  - {name: a, role: accounts, partitions: 3}\n  - {name: c, role: config}\n  - {name: p, role: prices}",
			[]string{"a has 3 partitions, but shards is 4"}},
		{"half a login", "brokers: [a:1]\nsasl: {mechanism: PLAIN, user: me}" + topics, []string{"sasl.user and sasl.password: needed with PLAIN"}},
		{"half a key", "brokers: [a:1]\nsnapshots: {bucket: b, accessKey: me}" + topics, []string{"snapshots.accessKey and snapshots.accessKeySecret: only one is given"}},
		{"two places", "brokers: [a:1]\nsnapshots: {bucket: b, dir: d}" + topics, []string{"snapshots go to one place"}},
		{"no bucket", "brokers: [a:1]\nsnapshots: {prefix: p}" + topics, []string{"snapshots.bucket: not given"}},
		{"no server", "brokers: [a:1]\nsnapshots: {endpoint: \"localhost:9000\"}" + topics, []string{":2: snapshots.endpoint: \"localhost:9000\" is no URL"}},
		{"short audit key", "brokers: [a:1]\nsnapshots: {auditKey: abcd}" + topics, []string{":2: snapshots.auditKey: an audit key of 2 bytes; it needs 32"}},
		{"not yaml", "brokers: [a:1\nshards: 1", []string{"ledger.yaml:"}},
		{"a list", "- a\n- b", []string{":1: the file: expected keys with values"}},
		{"nothing", "", []string{"brokers: not given"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(write(t, c.text), nil, nil)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got:\n%v\nwant: %s", err, want)
				}
			}
		})
	}
}

func TestErrorsOutsideTheFile(t *testing.T) {
	path := write(t, good)
	_, err := Load(path, []string{"MARGINLEDGER_SHARDS=x"}, []Override{{"cut.maxAgee", "1s"}})
	for _, want := range []string{`environment MARGINLEDGER_SHARDS: shards: "x" is not a whole number`, "--set cut.maxAgee: unknown key cut.maxAgee (did you mean cut.maxAge?)"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil, nil); err == nil {
		t.Error("a file that is not there was accepted")
	}
}

func TestPasswordFile(t *testing.T) {
	file := write(t, "from-file\n")
	c, err := Load(write(t, strings.Replace(good, "password: secret", "passwordFile: "+file, 1)), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.SASL.Password != "from-file" {
		t.Errorf("got %q", c.SASL.Password)
	}
}

// The audit key comes from a file, the environment or the configuration, and is never printed; without it there is none.
func TestAuditKey(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 4)
	c, err := Load(write(t, good), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := c.AuditKey(); key != nil || err != nil {
		t.Error(key, err)
	}
	var ids []string
	for _, load := range []func() (*Config, error){
		func() (*Config, error) { return Load(write(t, good+"snapshots: {auditKey: "+text+"}"), nil, nil) },
		func() (*Config, error) {
			return Load(write(t, good+"snapshots: {auditKeyFile: "+write(t, text+"\n")+"}"), nil, nil)
		},
		func() (*Config, error) {
			return Load(write(t, good), []string{"MARGINLEDGER_SNAPSHOTS_AUDIT_KEY=" + text}, nil)
		},
	} {
		c, err := load()
		if err != nil {
			t.Fatal(err)
		}
		key, err := c.AuditKey()
		if err != nil || key == nil {
			t.Fatal(key, err)
		}
		ids = append(ids, key.ID())
		var b strings.Builder
		if err := c.Print(&b); err != nil || strings.Contains(b.String(), text) || !strings.Contains(b.String(), "auditKey is given") {
			t.Errorf("%v\n%s", err, b.String())
		}
	}
	if ids[0] != ids[1] || ids[1] != ids[2] {
		t.Error(ids)
	}
}

func TestSnapshotStore(t *testing.T) {
	for settings, want := range map[string]string{
		"":                                      "ledger-data/snapshots",
		"snapshots: {dir: /s}":                  "/s",
		"snapshots: {bucket: b}":                "s3://b/",
		"snapshots: {bucket: b, prefix: /a/b/}": "s3://b/a/b/",
	} {
		c, err := Load(write(t, good+settings), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := c.SnapshotStore(); err != nil || s.String() != want {
			t.Errorf("%s: %v, %v", settings, s, err)
		}
	}
	c := Default()
	for location, want := range map[string]string{"/backups": "/backups", "s3://b": "s3://b/", "s3://b/x": "s3://b/x/"} {
		if s, err := c.SnapshotStoreAt(location); err != nil || s.String() != want {
			t.Errorf("%s: %v, %v", location, s, err)
		}
	}
	for _, location := range []string{"", "s3://"} {
		if s, err := c.SnapshotStoreAt(location); err == nil {
			t.Errorf("%q: %v", location, s)
		}
	}
}

// TestEverySettingHasATextForm feeds each default back to its own setter.
func TestEverySettingHasATextForm(t *testing.T) {
	for _, s := range Default().settings() {
		if v := s.get(); v != "" {
			if err := s.set(v); err != nil {
				t.Errorf("%s: default %q: %v", s.key, v, err)
			}
		}
		if s.help == "" {
			t.Errorf("%s has no help", s.key)
		}
	}
	if Env("cut.maxAge") != "MARGINLEDGER_CUT_MAX_AGE" {
		t.Errorf("got %s", Env("cut.maxAge"))
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("a: &x [1, *x]\nb: !!str 2"))
	f.Add([]byte("? [a]\n: b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := Load(path, nil, nil); err == nil && len(c.Brokers) == 0 {
			t.Error("accepted without brokers")
		}
	})
}
