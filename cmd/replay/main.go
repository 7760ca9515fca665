// Command replay audits a ledger: it folds the order log again and compares.
//
// Exit status: 0 where everything agrees, 1 on a difference, which is named, 2 where something could not be compared.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"marginledger/internal/pipeline"
)

// cli is the command line.
type cli struct {
	Verify verifyCmd `cmd:"" help:"Fold the order log from its beginning and compare every hash, the outputs and the stored rows."`
}

// The exit statuses.
const (
	statusAgrees  = 0
	statusDiffers = 1
	statusFailed  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // A second signal ends the process at once.
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run parses args, runs the command and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	parser, err := kong.New(&c, kong.Name("replay"), kong.Description("Audits of a margin ledger."), kong.UsageOnError(),
		kong.Writers(stdout, stderr), kong.BindTo(ctx, (*context.Context)(nil)), kong.BindTo(stdout, (*io.Writer)(nil)))
	if err != nil {
		panic(fmt.Sprintf("replay: command line: %v", err)) // We were wrong: the structs do not fit.
	}
	command, err := parser.Parse(args)
	if err == nil {
		err = command.Run()
	}
	switch {
	case err == nil:
		return statusAgrees
	case pipeline.IsDifference(err):
		fmt.Fprintf(stderr, "replay: difference: %v\n", err)
		return statusDiffers
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "replay: interrupted")
	default:
		fmt.Fprintf(stderr, "replay: %v\n", err)
	}
	return statusFailed
}
