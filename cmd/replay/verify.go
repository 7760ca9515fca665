package main

import (
	"context"

	"marginledger/internal/audit"
)

// verifyCmd folds a range again and compares.
type verifyCmd struct {
	where
	audited
	FromCut uint64  `help:"First cut that must be compared: the fold begins behind the newest snapshot before it. Default: the beginning." placeholder:"N"`
	ToCut   uint64  `help:"Last cut. Default: the last that there is." placeholder:"N"`
	Shard   []int32 `help:"Only these shards." placeholder:"S,…"`
	Work    string  `help:"Directory to leave off in on Ctrl-C; the same command goes on from there." type:"path" placeholder:"W"`
	JSON    bool    `help:"One JSON document on standard output."`
}

// Run compares shard after shard; the status is 1 where anything differs.
func (cmd *verifyCmd) Run(ctx context.Context, io *streams) error {
	p, err := cmd.open()
	if err != nil {
		return err
	}
	defer p.Close()
	if err := cmd.find(p); err != nil {
		return err
	}
	bar := newProgress(io.err)
	r, err := audit.Verify(ctx, p, audit.VerifyOptions{FromCut: cmd.FromCut, ToCut: cmd.ToCut, Shards: cmd.Shard, Work: cmd.Work, Progress: bar})
	bar.end()
	if err != nil {
		return err
	}
	if err := io.print(cmd.JSON, r); err != nil {
		return err
	}
	if !r.Agrees {
		return errDiffers
	}
	return nil
}
