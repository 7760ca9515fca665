package main

import (
	"context"
	"fmt"
	"os"

	"marginledger/events"
	"marginledger/internal/audit"
)

// whatifCmd asks the past under other rules, another profile, or corrected facts.
type whatifCmd struct {
	where
	Set           []string `help:"Other rules from the beginning: market.NAME.PATH=VALUE (such as market.BTC.tiers[0].maintenanceRate=0.02), asset.NAME.PATH=VALUE, venue.PATH=VALUE (such as venue.params.partialShare=0.5). * is every name." placeholder:"PATH=VALUE" sep:"none"`
	Profile       string   `help:"The venue's rules: another profile." placeholder:"NAME@VERSION"`
	Mark          []string `help:"MARKET=PRICE@TIME: one more mark; MARKET=PRICE@FROM..TO: in place of those between." placeholder:"MARK" sep:"none"`
	Drop          []string `help:"Without this fact: its id, or TOPIC/P@O." placeholder:"EVENT" sep:"none"`
	Correct       string   `help:"Lines of JSON: {\"replaces\": id or place, \"event\": …}, or an event that is put in at its time." type:"existingfile" placeholder:"FILE"`
	Mode          string   `help:"observe: the same facts, first status changes only, no money. simulate: episodes that would not have been fall out, new ones close at the trigger's mark; fees, insurance and bad debt are compared." enum:"observe,simulate" default:"observe"`
	Slippage      string   `help:"Of simulated closings: share of the mark." placeholder:"SHARE" default:"0"`
	CompareVenues []string `help:"Under each of these profiles: NAME@VERSION,…" placeholder:"PROFILE,…"`
	Assume        string   `help:"JSON: by profile name, what it lacks: paths as for --set, and values; null removes." type:"existingfile" placeholder:"FILE"`
	To            string   `help:"Last moment: ${points}." placeholder:"POINT" default:"end"`
	Venue         string   `help:"Change only this venue."`
	Shard         []int32  `help:"Only these shards." placeholder:"S,…"`
	JSON          bool     `help:"One JSON document on standard output."`
}

// options reads the flags and files.
func (cmd *whatifCmd) options() (o audit.WhatIfOptions, err error) {
	o = audit.WhatIfOptions{Mode: audit.Mode(cmd.Mode), Shards: cmd.Shard, Compare: cmd.CompareVenues,
		Changes: audit.Changes{Venue: cmd.Venue, Set: cmd.Set, Profile: cmd.Profile, Marks: cmd.Mark, Drop: cmd.Drop}}
	if o.To, err = audit.ParsePoint(cmd.To); err != nil {
		return o, err
	}
	if o.Slippage, err = events.ParseNumber(cmd.Slippage); err != nil || o.Slippage.Sign() < 0 || o.Slippage.Cmp(events.MustNumber("1")) >= 0 {
		return o, fmt.Errorf("--slippage %s: a share from 0 up to 1", cmd.Slippage)
	}
	if cmd.Correct != "" {
		if o.Correct, err = os.ReadFile(cmd.Correct); err != nil {
			return o, err
		}
	}
	if cmd.Assume != "" {
		text, err := os.ReadFile(cmd.Assume)
		if err != nil {
			return o, err
		}
		if o.Assumed, err = audit.ParseAssumed(text); err != nil {
			return o, fmt.Errorf("--assume %s: %w", cmd.Assume, err)
		}
	}
	changes := len(cmd.Set) + len(cmd.Mark) + len(cmd.Drop) + len(cmd.Correct) + len(cmd.Profile) + len(cmd.CompareVenues)
	if changes == 0 {
		return o, fmt.Errorf("what if what? Name a change: --set, --profile, --mark, --drop, --correct or --compare-venues")
	}
	if cmd.Profile != "" && len(cmd.CompareVenues) > 0 {
		return o, fmt.Errorf("--profile goes with no --compare-venues: name it there")
	}
	return o, nil
}

// Run answers.
func (cmd *whatifCmd) Run(ctx context.Context, io *streams) error {
	o, err := cmd.options()
	if err != nil {
		return err
	}
	p, err := cmd.open()
	if err != nil {
		return err
	}
	defer p.Close()
	bar := newProgress(io.err)
	o.Progress = bar
	w, err := p.WhatIf(ctx, o)
	bar.end()
	if err != nil {
		return err
	}
	return io.print(cmd.JSON, w)
}
