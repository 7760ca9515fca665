package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"marginledger/internal/repartition"
)

// repartitionCmd copies a topic that is keyed by market into one that is keyed by owner.
type repartitionCmd struct {
	configFlags
	From string `help:"Topic to read." required:""`
	To   string `help:"Topic to write; it exists, and nobody else writes to it." required:""`
	Once bool   `help:"End when everything that is there now is copied."`
}

// Run copies until the end or a signal, and reports on stderr every few seconds.
func (cmd *repartitionCmd) Run(ctx context.Context) error {
	_, client, err := cmd.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	report := func(p repartition.Progress) {
		fmt.Fprintf(os.Stderr, "repartition: copied %d, had already %d, without an owner %d, lag %d\n", p.Copied, p.Skipped, p.Undecoded, p.Lag)
	}
	var said time.Time
	p, err := repartition.Run(ctx, client, repartition.Options{From: cmd.From, To: cmd.To, Once: cmd.Once,
		Progress: func(p repartition.Progress) {
			if time.Since(said) > 5*time.Second {
				said = time.Now()
				report(p)
			}
		}})
	report(p)
	return err
}
