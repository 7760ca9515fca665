package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"

	"go.uber.org/zap"

	"marginledger/internal/config"
	"marginledger/internal/demo"
)

// demoCmd holds the demo and what goes with it.
type demoCmd struct {
	Run    demoRunCmd    `cmd:"" default:"withargs" help:"Run the demo (default): a live view, or with --once one day at full speed."`
	Check  demoCheckCmd  `cmd:"" help:"Recompute, from what lies on disk, what demo --once said about a kept day."`
	Broker demoBrokerCmd `cmd:"" hidden:"" help:"The demo's Kafka, as a process of its own; ends with its standard input."`
}

type demoRunCmd struct {
	Once     bool   `help:"One made-up day at full speed, then check it and end."`
	Seed     uint64 `help:"Seed of the made-up exchange." default:"1"`
	Events   int64  `help:"Facts that the exchange makes up in a day; the liquidator's come on top." default:"1000000"`
	Accounts int    `help:"Accounts of the exchange." default:"10000"`
	Shards   int32  `help:"Partitions of the account topics." default:"1"`
	Rate     int    `help:"Live: facts per second." default:"20000"`
	Dir      string `help:"Keep everything in this directory; a later start goes on from there." type:"path"`
	JSON     bool   `help:"With --once: one JSON object on standard output."`
	Verbose  bool   `help:"With --once: the ledger's log on standard error."`
	Sabotage string `help:"Damage the day kept in --dir, and end: flip-row, drop-output, dup-output or lose-input." enum:",flip-row,drop-output,dup-output,lose-input" default:""`
}

// Validate checks what kong cannot.
func (c *demoRunCmd) Validate() error {
	switch {
	case c.Events < 1000:
		return fmt.Errorf("--events %d: a day needs at least 1000", c.Events)
	case c.Accounts < 10:
		return fmt.Errorf("--accounts %d: an exchange needs at least 10", c.Accounts)
	case c.Shards < 1 || c.Shards > 64:
		return fmt.Errorf("--shards %d: 1 to 64", c.Shards)
	case c.Sabotage != "" && c.Dir == "":
		return fmt.Errorf("--sabotage needs --dir")
	}
	return nil
}

// Run runs the demo.
func (c *demoRunCmd) Run(ctx context.Context) error {
	if c.Sabotage != "" {
		return demo.Sabotage(ctx, nil, c.Dir, c.Sabotage)
	}
	debug.SetGCPercent(config.Default().Memory.GCPercent) // as the service has it
	o := demo.Options{
		Day: demo.Day{Seed: c.Seed, Events: c.Events, Accounts: c.Accounts, Shards: c.Shards},
		Dir: c.Dir,
	}
	if !c.Once {
		return demo.Live(ctx, o, c.Rate, os.Stdout)
	}
	if c.Verbose {
		log, err := zap.NewDevelopment()
		if err != nil {
			return fmt.Errorf("open the log: %w", err)
		}
		o.Log = log
	}
	r, err := demo.Once(ctx, o, os.Stderr)
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(os.Stdout).Encode(r)
	} else {
		_, err = fmt.Print(r)
	}
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if !r.OK() {
		return exitError{1}
	}
	return nil
}

type demoCheckCmd struct {
	Dir      string `help:"Directory of the kept day." required:"" type:"existingdir"`
	JSON     bool   `help:"One JSON object on standard output."`
	Sabotage string `help:"Damage the day first: flip-row, drop-output, dup-output or lose-input." enum:",flip-row,drop-output,dup-output,lose-input" default:""`
}

// Run recomputes the checks; the status is 1 where one does not hold.
func (c *demoCheckCmd) Run(ctx context.Context) error {
	if c.Sabotage != "" {
		if err := demo.Sabotage(ctx, nil, c.Dir, c.Sabotage); err != nil {
			return err
		}
	}
	r, err := demo.Check(ctx, nil, c.Dir)
	if err != nil {
		return err
	}
	for _, why := range r.Why {
		fmt.Fprintln(os.Stderr, why)
	}
	if c.JSON {
		err = json.NewEncoder(os.Stdout).Encode(r)
	} else {
		_, err = fmt.Print(r)
	}
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if !r.OK() {
		return exitError{1}
	}
	return nil
}

type demoBrokerCmd struct {
	Dir string `help:"Data directory." required:"" type:"path"`
}

// Run serves until the parent ends.
func (c *demoBrokerCmd) Run(ctx context.Context) error {
	return demo.ServeBroker(ctx, c.Dir, os.Stdin, os.Stdout)
}
