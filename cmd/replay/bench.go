package main

import (
	"context"

	"marginledger/internal/auditbench"
)

// benchCmd measures the figures that audits promise.
type benchCmd struct {
	Only  []string `help:"Measure these figures only." placeholder:"NAME,…"`
	Quick bool     `help:"A fiftieth of the size: a look, not a record."`
	Keep  string   `help:"Keep the made-up pasts in this directory, and use those that are there." placeholder:"DIR" type:"path"`
	JSON  bool     `help:"One JSON document on standard output."`
}

// Run measures; progress goes to standard error.
func (cmd *benchCmd) Run(ctx context.Context, io *streams) error {
	doc, err := auditbench.Run(ctx, auditbench.Options{Only: cmd.Only, Quick: cmd.Quick, Dir: cmd.Keep, Log: io.err})
	if err != nil {
		return err
	}
	return io.print(cmd.JSON, doc)
}
