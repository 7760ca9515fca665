package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"marginledger/internal/bench"
)

// benchCmd measures the figures that the project promises.
type benchCmd struct {
	Only  []string `help:"Measure these figures only." placeholder:"NAME,…"`
	Quick bool     `help:"Small sizes, short runs, and without --only the figures of ticks and folds alone: a look, not a record."`
	Most  int      `help:"No more accounts than these, for tests of the benchmark itself." placeholder:"N" name:"accounts"`
	SVG   string   `help:"Draw the figure growth into this file." placeholder:"FILE" type:"path"`
	JSON  bool     `help:"One JSON document on standard output, and nothing else."`
}

// Run measures; progress goes to standard error.
func (c *benchCmd) Run(ctx context.Context) error {
	doc, err := bench.Run(ctx, bench.Options{Only: c.Only, Quick: c.Quick, Most: c.Most, Plot: c.SVG, Log: os.Stderr})
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false) // goals have < and >
		err = out.Encode(doc)
	} else {
		_, err = fmt.Print(doc)
	}
	if err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	return nil
}
