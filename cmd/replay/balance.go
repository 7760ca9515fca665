package main

import (
	"context"

	"marginledger/internal/audit"
)

// balanceCmd adds the ledger up.
type balanceCmd struct {
	where
	At    string  `help:"When: ${points}. A time is of every shard." placeholder:"POINT" default:"end"`
	Shard []int32 `help:"Only these shards." placeholder:"S,…"`
	Legs  bool    `help:"Look for legs in flight: transfers and trades of which one side is not there yet. Every fact is looked at." default:"true" negatable:""`
	JSON  bool    `help:"One JSON document on standard output."`
}

// Run adds up; the status is 1 where a trial balance is not 0.
func (cmd *balanceCmd) Run(ctx context.Context, io *streams) error {
	at, err := audit.ParsePoint(cmd.At)
	if err != nil {
		return err
	}
	p, err := cmd.open()
	if err != nil {
		return err
	}
	defer p.Close()
	bar := newProgress(io.err)
	b, err := p.Balance(ctx, audit.BalanceOptions{At: at, Shards: cmd.Shard, Legs: cmd.Legs, Progress: bar})
	bar.end()
	if err != nil {
		return err
	}
	if err := io.print(cmd.JSON, b); err != nil {
		return err
	}
	if !b.Balanced {
		return errDiffers
	}
	return nil
}
