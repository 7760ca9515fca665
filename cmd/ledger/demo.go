package main

import (
	"context"
	"os"

	"marginledger/internal/demo"
)

// demoCmd holds the demo and what goes with it.
type demoCmd struct {
	Broker demoBrokerCmd `cmd:"" hidden:"" help:"The demo's Kafka, as a process of its own; ends with its standard input."`
}

type demoBrokerCmd struct {
	Dir string `help:"Data directory." required:"" type:"path"`
}

// Run serves until the parent ends.
func (c *demoBrokerCmd) Run(ctx context.Context) error {
	return demo.ServeBroker(ctx, c.Dir, os.Stdin, os.Stdout)
}
