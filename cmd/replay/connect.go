package main

import (
	"marginledger/internal/config"
	"marginledger/internal/eventlog"
)

// kafkaConfig says how to reach the configured cluster; it reads the certificate files.
func kafkaConfig(c *config.Config) (eventlog.Config, error) {
	k := eventlog.Config{Brokers: c.Brokers, ClientID: c.ClientID + "-replay"}
	if c.SASL.Mechanism != "" {
		k.SASL = &eventlog.SASL{Mechanism: c.SASL.Mechanism, User: c.SASL.User, Password: c.SASL.Password}
	}
	var err error
	k.TLS, err = c.TLS.Client()
	return k, err
}
