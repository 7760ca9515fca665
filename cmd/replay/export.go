package main

import (
	"context"

	"marginledger/internal/audit"
	"marginledger/internal/table"
)

// exportCmd writes tables for notebooks.
type exportCmd struct {
	where
	span
	Format string  `help:"parquet or csv." enum:"parquet,csv" default:"parquet"`
	Out    string  `help:"Folder to write." type:"path" required:"" placeholder:"FOLDER"`
	Shard  []int32 `help:"Only these shards." placeholder:"S,…"`
	JSON   bool    `help:"One JSON document on standard output."`
}

// Run exports.
func (cmd *exportCmd) Run(ctx context.Context, io *streams) error {
	o := audit.ExportOptions{Shards: cmd.Shard, Format: table.Format(cmd.Format), Dir: cmd.Out}
	var err error
	if o.From, o.To, err = cmd.points(); err != nil {
		return err
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
