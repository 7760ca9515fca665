package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"marginledger/events"
	"marginledger/projector/margin/registry"
)

// Mode says what a what-if does about what follows from its changes.
type Mode string

// The modes.
const (
	Observe  Mode = "observe"  // the same facts: first status changes only, no money
	Simulate Mode = "simulate" // episodes that would not have been fall out, new ones are closed: money is compared
)

// WhatIfOptions say what is asked.
type WhatIfOptions struct {
	Changes
	Mode     Mode
	Slippage events.Number // of simulated closings: share of the mark; absent: 0
	To       Point
	Shards   []int32
	Compare  []string                  // profiles NAME@VERSION, each in place of Changes.Profile; nil: no comparison
	Assumed  map[string]map[string]any // by profile name, what Changes.Assume is of it
	Progress Progress
}

// WhatIf is the past under other rules or with other facts, against what happened.
type WhatIf struct {
	Mode        Mode      `json:"mode"`
	Changes     []string  `json:"changes"`
	Assumptions []string  `json:"assumptions"`
	Cuts        []When    `json:"cuts"` // how far it goes, of every shard
	Answers     []Outcome `json:"answers"`
}

// Outcome is one answer: of one profile, where several are compared.
type Outcome struct {
	Profile string         `json:"profile,omitempty"`
	Assumed []string       `json:"assumed,omitempty"` // what the profile lacks and was told: --assume
	Unknown string         `json:"unknown,omitempty"` // "needs …": there is no answer
	Reason  string         `json:"reason,omitempty"`  // why, for people
	Counts  []StatusCounts `json:"counts"`
	Pools   []PoolOutcome  `json:"pools"` // whose outcome is another one, by the first record at which it is
	Money   *MoneyOutcome  `json:"money,omitempty"`
	Refused []Refusal      `json:"refused"` // facts that happened and cannot be applied under the change
	Unused  []string       `json:"unused"`  // changes that changed nothing
}

// StatusCounts is how many pools came to a status.
type StatusCounts struct {
	Status   string `json:"status"` // called, liquidated, bankrupt
	Happened int    `json:"happened"`
	Would    int    `json:"would"`
	OnlyThen int    `json:"onlyHappened"`
	OnlyIf   int    `json:"onlyWould"`
	Earlier  int    `json:"earlier"` // both, but it would have been earlier
	Later    int    `json:"later"`
}

// PoolOutcome is what happened to a pool and what would have.
type PoolOutcome struct {
	Account  Account     `json:"account"`
	Pool     string      `json:"pool"`
	Happened FirstStatus `json:"happened"`
	Would    FirstStatus `json:"would"`
}

// FirstStatus is when a pool first came to each status; nil: never.
type FirstStatus struct {
	Called     *StatusAt `json:"called"`
	Liquidated *StatusAt `json:"liquidated"`
	Bankrupt   *StatusAt `json:"bankrupt"`
}

// StatusAt is a status change.
type StatusAt struct {
	N           uint64        `json:"n"` // of the record of the past
	Time        string        `json:"time,omitempty"`
	Source      string        `json:"source"`
	Equity      events.Number `json:"equity"`
	Maintenance events.Number `json:"maintenanceMargin"`
}

// Refusal counts facts that are dead letters under the change and were none.
type Refusal struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
	First  string `json:"first"` // place
}

// The assumptions of every mode, and of each.
var (
	assumedAlways = []string{
		"the facts are those of the past but for the changes: nobody would have traded, paid in or taken out otherwise",
		"prices and funding rates are those of the past but for the changes",
	}
	assumedObserving = []string{
		"fills of liquidations and deleveraging are applied as they happened, whether the pool would have been liquidated or not",
		"so of each pool only the first call, liquidation and bankruptcy count, and no money is compared: what follows rests on facts that happened under the recorded rules",
		"a pool that falls at once from healthy to below zero is bankrupt, not liquidated: those are its announcements",
	}
	assumedSimulating = []string{
		"recorded fills of liquidations and deleveraging are dropped where the episode that they answer would not have been; their counterparties keep their side, but for a backstop that names the episode",
		"a pool with an episode that did not happen is closed whole at the trigger's mark, less the slippage, with the liquidation fee of its announcement; there is always somebody to trade with",
		"what it lacks then is covered by the insurance fund, which always has enough",
		"later fills and funding payments of such a pool, and recorded covers of it, are ignored and counted; deposits, withdrawals and transfers are not",
		"an episode that happened too is closed by the recorded fills: where it would have begun behind the first of them, it counts as one that did not happen; where it would have gone on behind the last, the rest is closed then, at the mark",
		"recorded covers of a pool that is not bankrupt are dropped",
	}
)

// WhatIf answers. The past is folded once for each answer, beside it; its chain is compared on the way.
func (p *Past) WhatIf(ctx context.Context, o WhatIfOptions) (*WhatIf, error) {
	if o.Mode != Observe && o.Mode != Simulate {
		return nil, usage("there is no mode %q", o.Mode)
	}
	out := &WhatIf{Mode: o.Mode, Changes: o.describe(), Assumptions: slices.Clone(assumedAlways), Answers: []Outcome{}}
	out.Assumptions = append(out.Assumptions, map[Mode][]string{Observe: assumedObserving, Simulate: assumedSimulating}[o.Mode]...)
	shards, err := p.Shards(ctx, o.Shards)
	if err != nil {
		return nil, err
	}
	profiles := o.Compare
	if profiles == nil {
		profiles = []string{o.Profile}
	}
	for i, profile := range profiles {
		name, _, _ := strings.Cut(profile, "@")
		if profile != "" && !slices.Contains(registry.Names(), name) {
			return nil, usage("there is no profile %s in this build: it has %s", name, strings.Join(registry.Names(), ", "))
		}
		c := o.Changes
		c.Profile = profile
		if o.Assumed != nil {
			c.Assume = o.Assumed[name]
		}
		r := newRun(p, &o)
		for _, shard := range shards {
			m, err := r.shard(ctx, shard, &c)
			if err != nil {
				return nil, fmt.Errorf("shard %d: %w", shard, err)
			}
			if i == 0 {
				out.Cuts = append(out.Cuts, m.When())
			}
		}
		answer := r.outcome(profile)
		for _, path := range sortedKeys(c.Assume) {
			text, err := json.Marshal(c.Assume[path])
			if err != nil {
				return nil, err
			}
			answer.Assumed = append(answer.Assumed, path+" = "+string(text))
		}
		out.Answers = append(out.Answers, answer)
	}
	return out, nil
}

// describe lists the changes for people.
func (o *WhatIfOptions) describe() []string {
	out := []string{}
	if o.Profile != "" && o.Compare == nil {
		out = append(out, "profile "+o.Profile)
	}
	out = append(out, o.Set...)
	for _, m := range o.Marks {
		out = append(out, "mark "+m)
	}
	for _, d := range o.Drop {
		out = append(out, "without "+d)
	}
	if n := len(strings.Fields(strings.ReplaceAll(string(o.Correct), " ", ""))); n > 0 {
		out = append(out, fmt.Sprintf("%d corrected facts", n))
	}
	if o.Mode == Simulate && o.Slippage.Sign() > 0 {
		out = append(out, "slippage "+o.Slippage.String())
	}
	return out
}
