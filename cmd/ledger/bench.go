package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"marginledger/internal/auditbench"
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
	doc, err := c.measure(ctx)
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

// measure measures the figures of the ledger, and those of audits, which `replay bench` measures too.
func (c *benchCmd) measure(ctx context.Context) (*bench.Document, error) {
	audits, own := []string{}, []string{}
	for _, name := range c.Only {
		if slices.Contains(auditbench.Names(), name) {
			audits = append(audits, name)
		} else {
			own = append(own, name)
		}
	}
	audit := func() (*bench.Document, error) {
		return auditbench.Run(ctx, auditbench.Options{Only: audits, Quick: c.Quick, Log: os.Stderr})
	}
	if len(audits) > 0 && len(own) == 0 {
		return audit()
	}
	doc, err := bench.Run(ctx, bench.Options{Only: own, Quick: c.Quick, Most: c.Most, Plot: c.SVG, Log: os.Stderr})
	if err != nil || len(audits) == 0 && (c.Quick || len(own) > 0) {
		return doc, err
	}
	more, err := audit()
	if err != nil {
		return nil, err
	}
	doc.Figures = append(doc.Figures, more.Figures...)
	return doc, nil
}
