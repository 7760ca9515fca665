// Command peers measures the reduced task through the ledger's pipeline, goka and Kafka Streams, and the ledger itself
// beside them: README.md says what exactly. run.sh builds everything and starts it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"marginledger/peers/child"
	"marginledger/peers/goka"
	"marginledger/peers/reduced"
	"marginledger/peers/runner"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 {
		switch args[0] {
		case "goka":
			return child.Serve(os.Stdin, os.Stdout, goka.Run)
		case "reduced":
			return child.Serve(os.Stdin, os.Stdout, reduced.Run)
		}
	}
	o := runner.Options{}
	var brokers, only, java, markdown, document string
	var partitions int
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.StringVar(&brokers, "brokers", "", "host:port,… of a Kafka")
	flags.IntVar(&o.Facts, "facts", 1_000_000, "facts of accounts, deposits among them")
	flags.IntVar(&o.Accounts, "accounts", 100_000, "accounts")
	flags.IntVar(&partitions, "partitions", 2, "partitions of the facts")
	flags.DurationVar(&o.Interval, "interval", 100*time.Millisecond, "between commits")
	flags.IntVar(&o.Laps, "laps", 3, "measured laps of each engine, after one to warm up")
	flags.Uint64Var(&o.Seed, "seed", 7, "of the made-up facts")
	flags.BoolVar(&o.Crash, "crash", true, "also kill each engine once halfway, and say what is wrong after it")
	flags.IntVar(&o.BrokerPID, "broker-pid", 0, "process of the broker, whose CPU time is then told; 0: it is not")
	flags.StringVar(&only, "only", "", "engines, of "+strings.Join(runner.Names, ",")+"; empty: all")
	flags.StringVar(&o.Ledger, "ledger", "", "the product's executable")
	flags.StringVar(&java, "java", "", "command of the Streams topology, its words parted by blanks")
	flags.StringVar(&o.Dir, "dir", os.TempDir(), "where engines keep their local state")
	flags.StringVar(&document, "json", "", "file for the figures as JSON; empty: none")
	flags.StringVar(&markdown, "markdown", "", "file for the table that docs/performance.md has; empty: none")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if o.Self, err = os.Executable(); err != nil {
		return err
	}
	o.Brokers, o.Java, o.Partitions = strings.Split(brokers, ","), strings.Fields(java), int32(partitions)
	if only != "" {
		o.Only = strings.Split(only, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := runner.Run(ctx, &o)
	if err != nil {
		return err
	}
	fmt.Print(report.Markdown())
	text, err := report.JSON()
	if err != nil {
		return err
	}
	for path, content := range map[string][]byte{document: text, markdown: []byte(report.Markdown())} {
		if path == "" {
			continue
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
