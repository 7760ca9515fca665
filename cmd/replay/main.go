// Command replay audits a ledger: it folds what the order log says again, and compares, reads, explains and proves.
//
// Exit status: 0 where everything agrees, 1 on a difference, which is named, 2 where something could not be done.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"marginledger/internal/audit"
	"marginledger/internal/pipeline"
)

// cli is the command line.
type cli struct {
	Verify     verifyCmd     `cmd:"" help:"Fold a range again and compare every cut's chain, every published event, stored rows and snapshots."`
	Archive    archiveCmd    `cmd:"" help:"Write what an audit without Kafka needs as portable files."`
	At         atCmd         `cmd:"" help:"The state at a cut, record, time or offset, as the API would show it."`
	Explain    explainCmd    `cmd:"" help:"Every term behind an account's figures with the events that last moved it; or why a pool was liquidated, and what would have saved it."`
	Diff       diffCmd       `cmd:"" help:"Rows that differ between two points in time or two directories."`
	Whatif     whatifCmd     `cmd:"" help:"The past under other rules, another profile, or corrected facts, against what happened."`
	Prove      proveCmd      `cmd:"" help:"An inclusion proof of an account in a snapshot's root."`
	CheckProof checkProofCmd `cmd:"" help:"Check a proof: only the file and the root are needed."`
	Export     exportCmd     `cmd:"" help:"Accounts, positions, postings and liquidations of a range as Parquet or CSV."`
	Balance    balanceCmd    `cmd:"" help:"Trial balance and solvency per asset, operator, venue and shard, and what is in flight between shards."`
	Bench      benchCmd      `cmd:"" help:"Measure what audits promise in figures: docs/performance.md."`
	Statement  statementCmd  `cmd:"" help:"Opening and closing balance of an account, and every posting between, with its event and offset."`
}

// The exit statuses.
const (
	statusAgrees  = 0
	statusDiffers = 1
	statusFailed  = 2
)

// errDiffers is the end of a command that has said what differs.
var errDiffers = errors.New("differences were found")

// gcPercent is Go's collector setting where GOGC says nothing: an audit reads much in a row, and keeps little of it.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // A second signal ends the process at once.
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run parses args, runs the command and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	io := &streams{stdout, stderr}
	parser, err := kong.New(&c, kong.Name("replay"), kong.Description("Audits of a margin ledger."), kong.UsageOnError(),
		kong.Writers(stdout, stderr), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(io),
		kong.Vars{"points": audit.PointForms})
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
	case errors.Is(err, errDiffers):
		return statusDiffers
	case pipeline.IsDifference(err):
		fmt.Fprintf(stderr, "replay: difference: %v\n", err)
		return statusDiffers
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(stderr, "replay: interrupted: %v\n", err)
	default:
		fmt.Fprintf(stderr, "replay: %v\n", err)
	}
	return statusFailed
}

// streams are where a command writes.
type streams struct{ out, err io.Writer }

// print writes what a command came to: as one JSON document, or for people.
func (s *streams) print(asJSON bool, v fmt.Stringer) error {
	if !asJSON {
		_, err := fmt.Fprint(s.out, v)
		return err
	}
	enc := json.NewEncoder(s.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// toFile writes to a file, or for - to standard output; to "" nothing is written.
func (s *streams) toFile(path string, write func(io.Writer) error) error {
	switch path {
	case "":
		return nil
	case "-":
		return write(s.out)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
