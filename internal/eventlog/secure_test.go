package eventlog_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
)

// certificate makes a self-signed one for 127.0.0.1, and the pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLSAndSASL(t *testing.T) {
	cert, pool := certificate(t)
	const user, password = "ledger", "correct horse"
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			cluster, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.EnableSASL(), kfake.Superuser(mechanism, user, password),
				kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}))
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			open := func(password string, roots *x509.CertPool) *eventlog.Client {
				c, err := eventlog.Open(eventlog.Config{
					Brokers: cluster.ListenAddrs(), TLS: &tls.Config{RootCAs: roots},
					SASL: &eventlog.SASL{Mechanism: mechanism, User: user, Password: password},
				})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(c.Close)
				return c
			}
			ctx := kafkatest.Context(t)
			c := open(password, pool)
			if err := c.CreateTopics(ctx, []eventlog.TopicSpec{{Name: "secret.v1", Partitions: 1, Replication: 1}}); err != nil {
				t.Fatal(err)
			}
			p, err := c.NewProducer(ctx, "secret/0")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Produce(ctx, "secret.v1", 0, records(0, 1)); err != nil {
				t.Fatal(err)
			}
			if got := readAll(t, ctx, c, "secret.v1", 0, 0, 1); len(got) != 1 {
				t.Fatal(got)
			}
			// A reader keeps trying, and says why it does not get anywhere.
			awaitFailing(t, open("wrong", pool), "SASL")
			awaitFailing(t, open(password, x509.NewCertPool()), "certificate")
		})
	}
}

// awaitFailing waits until a reader fails with an error that names the cause.
func awaitFailing(t *testing.T, c *eventlog.Client, cause string) {
	t.Helper()
	ctx, cancel := context.WithCancel(kafkatest.Context(t))
	defer cancel()
	r := c.NewReader("secret.v1", 0, 0, eventlog.ReaderOptions{})
	ended := make(chan error, 1)
	go func() {
		_, err := r.Fetch(ctx)
		ended <- err
	}()
	kafkatest.Await(t, "a failure that names "+cause, func() bool {
		err := r.Failing()
		return err != nil && strings.Contains(err.Error(), cause)
	})
	cancel()
	if err := <-ended; err == nil {
		t.Fatal("the fetch succeeded")
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, cfg := range map[string]eventlog.Config{
		"no brokers":        {},
		"unknown mechanism": {Brokers: []string{"b:1"}, SASL: &eventlog.SASL{Mechanism: "GSSAPI"}},
	} {
		if _, err := eventlog.Open(cfg); err == nil {
			t.Error(name)
		}
	}
}
