// Command ledger is the service and its tools: one sub-command per file.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line. A sub-command is a struct with a Run method that takes a context.Context.
type cli struct {
	Demo        demoCmd        `cmd:"" help:"A made-up exchange day on an embedded Kafka, and the ledger on it."`
	Run         runCmd         `cmd:"" help:"The service."`
	Topics      topicsCmd      `cmd:"" help:"The topics of a ledger."`
	Doctor      doctorCmd      `cmd:"" help:"Check a configuration against a live cluster."`
	Snapshot    snapshotCmd    `cmd:"" help:"Have a running ledger take a snapshot now, or list what there is."`
	Backup      backupCmd      `cmd:"" help:"Copy a verified snapshot of every shard to another place."`
	Restore     restoreCmd     `cmd:"" help:"Make a data directory from a backup."`
	Skip        skipCmd        `cmd:"" help:"Leave out a record that cannot be read; it becomes a dead letter."`
	Repartition repartitionCmd `cmd:"" help:"Copy a topic that is keyed by market into one that is keyed by owner."`
	Bench       benchCmd       `cmd:"" help:"Measure throughput, latency and recovery on this machine."`
	Margin      marginCmd      `cmd:"" help:"The margin of a portfolio, and what if: a calculator without state."`
}

// exitError ends the process with a status of its own and, where silent, without a message: the
// command has said everything already.
type exitError struct{ status int }

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

func main() {
	// The first signal ends things in order; the second, without a handler, at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:]))
}

// run parses args, runs the command and returns the exit status.
func run(ctx context.Context, args []string) int {
	var c cli
	parser, err := kong.New(&c, kong.Name("ledger"), kong.UsageOnError(),
		kong.Description("A margin ledger for perpetual futures, over Kafka."),
		kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		panic(fmt.Sprintf("ledger: command line: %v", err)) // we were wrong: the structs do not fit
	}
	command, err := parser.Parse(args)
	if err != nil {
		parser.FatalIfErrorf(err) // prints usage, exits with status 80
	}
	err = profiled(func() error { return command.Run() })
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.status
	}
	fmt.Fprintf(os.Stderr, "ledger: %v\n", err)
	return 1
}
