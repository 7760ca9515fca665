package main

import (
	"context"
	"fmt"
	"strings"

	"marginledger/internal/audit"
)

// explainCmd explains an account's figures, or an announcement.
type explainCmd struct {
	where
	At     string `help:"Of an account: when: ${points}." placeholder:"POINT" default:"end"`
	JSON   bool   `help:"One JSON document on standard output."`
	Target string `arg:"" help:"VENUE/OWNER/SUBACCOUNT, or the id of a liquidation or margin call: SHARD-N-INDEX." placeholder:"ACCOUNT|LIQUIDATION-ID"`
}

// Run explains.
func (cmd *explainCmd) Run(ctx context.Context, io *streams) error {
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
	var answer fmt.Stringer
	if strings.Contains(cmd.Target, "/") {
		var account audit.Account
		if account, err = audit.ParseAccount(cmd.Target); err == nil {
			answer, err = p.Explain(ctx, account, at, bar)
		}
	} else {
		answer, err = p.ExplainLiquidation(ctx, cmd.Target, bar)
	}
	bar.end()
	if err != nil {
		return err
	}
	return io.print(cmd.JSON, answer)
}
