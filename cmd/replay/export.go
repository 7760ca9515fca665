package main

import (
	"context"

	"marginledger/internal/audit"
	"marginledger/internal/table"
)

// exportCmd writes tables for notebooks.
type exportCmd struct {
	where
	Format string  `help:"parquet or csv." enum:"parquet,csv" default:"parquet"`
	Out    string  `help:"Folder to write." type:"path" required:"" placeholder:"FOLDER"`
	From   string  `help:"Postings and liquidations behind this point. Default: the beginning of what is there." placeholder:"POINT"`
	To     string  `help:"Last moment, and that of accounts, balances and positions: ${points}." placeholder:"POINT" default:"end"`
	Shard  []int32 `help:"Only these shards." placeholder:"S,…"`
	JSON   bool    `help:"One JSON document on standard output."`
}

// Run exports.
func (cmd *exportCmd) Run(ctx context.Context, io *streams) error {
	o := audit.ExportOptions{Shards: cmd.Shard, Format: table.Format(cmd.Format), Dir: cmd.Out}
	var err error
	if o.To, err = audit.ParsePoint(cmd.To); err != nil {
		return err
	}
	if cmd.From != "" {
		from, err := audit.ParsePoint(cmd.From)
		if err != nil {
			return err
		}
		o.From = &from
	}
	p, err := cmd.open()
	if err != nil {
		return err
	}
	defer p.Close()
	bar := newProgress(io.err)
	o.Progress = bar
	x, err := p.Export(ctx, o)
	bar.end()
	if err != nil {
		return err
	}
	return io.print(cmd.JSON, x)
}
