package main

import (
	"context"
	"fmt"

	"marginledger/internal/audit"
)

// atCmd shows the state at a point of the past.
type atCmd struct {
	where
	Cut     uint64  `help:"After this cut." placeholder:"N" xor:"point" required:""`
	N       uint64  `help:"After this record of the shard." placeholder:"N" xor:"point" required:""`
	Time    string  `help:"After the last record before the venue's shard time exceeds this one (RFC 3339)." placeholder:"T" xor:"point" required:""`
	Offset  string  `help:"After the record at this place." placeholder:"TOPIC/P@O" xor:"point" required:""`
	End     bool    `help:"At the end of what is there." xor:"point" required:""`
	Venue   string  `help:"Venue whose clock --time is of; the account's, or the only one."`
	Shard   []int32 `help:"Without an account: only these shards." placeholder:"S,…"`
	JSON    bool    `help:"One JSON document on standard output."`
	Account string  `arg:"" optional:"" help:"VENUE/OWNER/SUBACCOUNT; without: markets and totals." placeholder:"ACCOUNT"`
}

// point is the point that the flags name.
func (cmd *atCmd) point() (audit.Point, error) {
	switch {
	case cmd.Cut > 0:
		return audit.Point{Cut: cmd.Cut}, nil
	case cmd.N > 0:
		return audit.Point{N: cmd.N}, nil
	case cmd.Offset != "":
		p, err := audit.ParsePoint(cmd.Offset)
		if err == nil && p.Source.Topic == "" {
			err = fmt.Errorf("--offset %s: write topic/partition@offset", cmd.Offset)
		}
		return p, err
	case cmd.Time != "":
		p, err := audit.ParsePoint(cmd.Time)
		if err == nil && p.Time == 0 {
			err = fmt.Errorf("--time %s: write a time as RFC 3339 has it", cmd.Time)
		}
		if cmd.Venue != "" {
			p.Venue = cmd.Venue
		}
		return p, err
	case cmd.End:
		return audit.End, nil
	}
	return audit.End, fmt.Errorf("cuts and records are counted from 1")
}

// Run folds up to the point and shows what is there.
func (cmd *atCmd) Run(ctx context.Context, io *streams) error {
	to, err := cmd.point()
	if err != nil {
		return err
	}
	p, err := cmd.open()
	if err != nil {
		return err
	}
	defer p.Close()
	bar := newProgress(io.err)
	if cmd.Account == "" {
		l, err := p.LedgerAt(ctx, cmd.Shard, to, bar)
		bar.end()
		if err != nil {
			return err
		}
		return io.print(cmd.JSON, l)
	}
	account, err := audit.ParseAccount(cmd.Account)
	if err != nil {
		return err
	}
	a, err := p.AccountAt(ctx, account, to, bar)
	bar.end()
	if err != nil {
		return err
	}
	return io.print(cmd.JSON, a)
}
