package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"marginledger/internal/topics"
)

// topicsCmd holds the commands about topics.
type topicsCmd struct {
	Create topicsCreateCmd `cmd:"" help:"Make the topics that are missing, with the settings that a ledger needs."`
}

type topicsCreateCmd struct{ configFlags }

// Run makes what is missing, leaves the rest as it is, and says what is wrong with it.
func (cmd *topicsCreateCmd) Run(ctx context.Context) error {
	c, client, err := cmd.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	plan := topicPlan(c)
	made, err := topics.Create(ctx, client, plan)
	if err != nil {
		return err
	}
	for _, name := range plan.Names() {
		if slices.Contains(made, name) {
			fmt.Printf("created  %s\n", name)
		} else {
			fmt.Printf("exists   %s\n", name)
		}
	}
	findings, err := topics.Inspect(ctx, client, plan)
	if err != nil {
		return err
	}
	for _, f := range findings {
		if f.Level == topics.Warn {
			fmt.Fprintln(os.Stderr, f)
		}
	}
	return topics.Refusals(findings)
}
