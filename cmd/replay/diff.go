package main

import (
	"context"
	"errors"
	"os"

	"marginledger/internal/audit"
)

// diffCmd compares two points in time, or two directories.
type diffCmd struct {
	Dir     string  `help:"Points are of this kept day of the demo." type:"path" xor:"where" placeholder:"D"`
	Config  string  `help:"Points are of the ledger of this configuration." type:"path" xor:"where" placeholder:"F"`
	Archive string  `help:"Points are of this archive." type:"path" xor:"where" placeholder:"FOLDER"`
	Shard   []int32 `help:"Only these shards." placeholder:"S,…"`
	Rows    string  `help:"Only rows whose name begins so, such as \"account demo/alice\"." placeholder:"NAME"`
	Limit   int     `help:"Rows to show of each shard; 0: all. All are counted." default:"100"`
	JSON    bool    `help:"One JSON document on standard output."`
	A       string  `arg:"" help:"A point (${points}), or the path of a data directory, a kept day, an archive or a snapshot."`
	B       string  `arg:"" help:"Likewise."`
}

// Run compares; the status is 1 where rows differ.
func (cmd *diffCmd) Run(ctx context.Context, io *streams) (err error) {
	var past *audit.Past
	w := &where{Dir: cmd.Dir, Config: cmd.Config, Archive: cmd.Archive}
	if *w != (where{}) {
		if past, err = w.open(); err != nil {
			return err
		}
		defer past.Close()
	}
	bar := newProgress(io.err)
	var sides [2]*audit.Side
	for i, text := range [...]string{cmd.A, cmd.B} {
		if sides[i], err = cmd.side(ctx, past, text, bar); err != nil {
			return err
		}
		defer sides[i].Close()
	}
	d, err := audit.DiffSides(sides[0], sides[1], audit.DiffOptions{Rows: cmd.Rows, Limit: cmd.Limit})
	bar.end()
	if err != nil {
		return err
	}
	if err := io.print(cmd.JSON, d); err != nil {
		return err
	}
	if !d.Equal {
		return errDiffers
	}
	return nil
}

// side opens one of the two: a path that is there, else a point.
func (cmd *diffCmd) side(ctx context.Context, past *audit.Past, text string, bar *progress) (*audit.Side, error) {
	if _, err := os.Stat(text); err == nil {
		return audit.OpenSide(ctx, text, bar)
	}
	to, err := audit.ParsePoint(text)
	if err != nil {
		return nil, errors.Join(err, errors.New("and there is no such path"))
	}
	if past == nil {
		return nil, errors.New("a point needs --dir, --config or --archive")
	}
	return past.SideAt(ctx, cmd.Shard, to, bar)
}
