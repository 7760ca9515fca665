package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"marginledger/internal/config"
	"marginledger/internal/eventlog"
)

// kafkaConfig says how to reach the configured cluster; it reads the certificate files.
func kafkaConfig(c *config.Config) (eventlog.Config, error) {
	k := eventlog.Config{Brokers: c.Brokers, ClientID: c.ClientID + "-replay"}
	if c.SASL.Mechanism != "" {
		k.SASL = &eventlog.SASL{Mechanism: c.SASL.Mechanism, User: c.SASL.User, Password: c.SASL.Password}
	}
	if !c.TLS.Enabled {
		return k, nil
	}
	k.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.TLS.ServerName}
	if c.TLS.CAFile != "" {
		pem, err := os.ReadFile(c.TLS.CAFile)
		if err != nil {
			return k, fmt.Errorf("tls.caFile: %w", err)
		}
		k.TLS.RootCAs = x509.NewCertPool()
		if !k.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return k, fmt.Errorf("tls.caFile: no certificate in %s", c.TLS.CAFile)
		}
	}
	if c.TLS.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.TLS.CertFile, c.TLS.KeyFile)
		if err != nil {
			return k, fmt.Errorf("tls.certFile: %w", err)
		}
		k.TLS.Certificates = []tls.Certificate{pair}
	}
	return k, nil
}
