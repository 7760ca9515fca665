package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"marginledger/internal/audit"
)

// indexed says where the index of postings lies.
type indexed struct {
	Index string `help:"Directory of the index of postings, made where it is not there. Default: beside the archive, or in the day's or the data directory." type:"path" placeholder:"DIR"`
}

// dir returns the directory of the index of a past.
func (x *indexed) dir(w *where, p *audit.Past) string {
	switch {
	case x.Index != "":
		return x.Index
	case w.Archive != "":
		return strings.TrimSuffix(w.Archive, string(filepath.Separator)) + ".index"
	case w.Dir != "":
		return filepath.Join(w.Dir, "audit")
	}
	return filepath.Join(p.Config.DataDir, "audit")
}

// statementCmd writes an account's statement.
type statementCmd struct {
	where
	indexed
	span
	Figures bool   `help:"The account at both ends too, as the API showed it."`
	CSV     string `help:"Write the lines as CSV to this file; - is standard output." placeholder:"FILE"`
	HTML    string `help:"Write a page to print to this file; - is standard output." placeholder:"FILE"`
	JSON    bool   `help:"One JSON document on standard output."`
	Account string `arg:"" help:"VENUE/OWNER/SUBACCOUNT." placeholder:"ACCOUNT"`
}

// Run makes the statement.
func (cmd *statementCmd) Run(ctx context.Context, io *streams) error {
	account, err := audit.ParseAccount(cmd.Account)
	if err != nil {
		return err
	}
	o := audit.StatementOptions{Figures: cmd.Figures}
	if o.From, o.To, err = cmd.points(); err != nil {
		return err
	}
	p, err := cmd.open()
	if err != nil {
		return err
	}
	defer p.Close()
	bar := newProgress(io.err)
	o.Index, o.Progress = cmd.dir(&cmd.where, p), bar
	s, err := p.Statement(ctx, account, o)
	bar.end()
	if err != nil {
		return err
	}
	if err := errors.Join(io.toFile(cmd.CSV, s.WriteCSV), io.toFile(cmd.HTML, s.WriteHTML)); err != nil {
		return err
	}
	if cmd.CSV != "" || cmd.HTML != "" {
		if !cmd.JSON {
			return nil
		}
	}
	return io.print(cmd.JSON, s)
}
