package main

import (
	"context"
	"runtime/debug"
	"time"

	"marginledger/internal/audit"
)

// archiveCmd writes an archive.
type archiveCmd struct {
	where
	Out       string `help:"Folder to write; one that was begun is gone on with." type:"path" required:"" placeholder:"FOLDER"`
	FromCut   uint64 `help:"First cut that must be in it: the range starts behind the newest snapshot before it. Default: the beginning." placeholder:"N"`
	ToCut     uint64 `help:"Last cut. Default: the last that there is." placeholder:"N"`
	Snapshots bool   `help:"The snapshots of the range too, not only their manifests: later commands can begin behind them."`
	JSON      bool   `help:"One JSON document on standard output."`
}

// Run copies the range.
func (cmd *archiveCmd) Run(ctx context.Context, io *streams) error {
	p, err := cmd.open()
	if err != nil {
		return err
	}
	defer p.Close()
	bar := newProgress(io.err)
	made, err := audit.MakeArchive(ctx, p, cmd.Out, audit.ArchiveOptions{FromCut: cmd.FromCut, ToCut: cmd.ToCut, Snapshots: cmd.Snapshots,
		Build: build(), Now: time.Now(), Progress: bar})
	bar.end()
	if err != nil {
		return err
	}
	return io.print(cmd.JSON, made)
}

// build names this build.
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}
