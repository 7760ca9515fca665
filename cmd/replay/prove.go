package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"marginledger/internal/audit"
	"marginledger/internal/orderlog"
)

// proveCmd writes an inclusion proof.
type proveCmd struct {
	where
	audited
	At      string `help:"In the newest root up to this cut: cut:N or end." placeholder:"POINT" default:"end"`
	Made    bool   `help:"Where no snapshot has a root, make one of the folded state. Nobody has published it."`
	Out     string `help:"File to write the proof to; - is standard output." placeholder:"FILE" default:"proof.json"`
	JSON    bool   `help:"One JSON document on standard output."`
	Account string `arg:"" help:"VENUE/OWNER/SUBACCOUNT." placeholder:"ACCOUNT"`
}

// Run proves.
func (cmd *proveCmd) Run(ctx context.Context, io *streams) error {
	account, err := audit.ParseAccount(cmd.Account)
	if err != nil {
		return err
	}
	at, err := audit.ParsePoint(cmd.At)
	if err != nil {
		return err
	}
	p, err := cmd.open()
	if err != nil {
		return err
	}
	defer p.Close()
	if err := cmd.find(p); err != nil {
		return err
	}
	key := p.Config.Snapshots.Key
	if key == nil {
		return errors.New("a proof needs the audit key: --key-file, the configuration or $" + keyVariable)
	}
	bar := newProgress(io.err)
	proven, err := p.Prove(ctx, key, account, at, cmd.Made, bar)
	bar.end()
	if err != nil {
		return err
	}
	text, err := proven.Proof.Encode()
	if err != nil {
		return err
	}
	if cmd.Out == "-" {
		_, err = io.out.Write(text)
		return err
	}
	if err := os.WriteFile(cmd.Out, text, 0o600); err != nil { // it shows the sums of others
		return err
	}
	return io.print(cmd.JSON, proven)
}

// checkProofCmd checks a proof.
type checkProofCmd struct {
	JSON bool   `help:"One JSON document on standard output."`
	File string `arg:"" help:"The proof file." type:"existingfile"`
	Root string `arg:"" help:"The published root hash, hex."`
}

// Run checks; the status is 1 where the proof does not hold.
func (cmd *checkProofCmd) Run(io *streams) error {
	var root orderlog.Hash
	if err := root.UnmarshalText([]byte(cmd.Root)); err != nil {
		return fmt.Errorf("root: %w", err)
	}
	text, err := os.ReadFile(cmd.File)
	if err != nil {
		return err
	}
	c, err := audit.CheckProof(text, root)
	if err != nil {
		return fmt.Errorf("%s: %w", cmd.File, err)
	}
	if err := io.print(cmd.JSON, c); err != nil {
		return err
	}
	if !c.Holds {
		return errDiffers
	}
	return nil
}
