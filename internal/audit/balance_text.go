package audit

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// String is the balance for people.
func (x *Balance) String() string {
	var b strings.Builder
	for i := range x.Cuts {
		b.WriteString(x.Cuts[i].String())
	}
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\t\t\t\t\t\t\t\t\nvenue\tasset\taccounts have\taccounts owe\tcustody\tin transit\tbad debt\tpools\tsum\t")
	for i := range x.Assets {
		printAsset(w, &x.Assets[i])
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
	b.WriteString("\nsystem accounts, over all shards\n")
	w = tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i := range x.Assets {
		a := &x.Assets[i]
		for _, s := range a.Systems {
			if !strings.Contains(s.Name, "/") { // those of markets are below
				fmt.Fprintf(w, "  %s\t%s\t%s\t%v\n", a.Venue, s.Name, a.Asset, s.Amount)
			}
		}
	}
	for _, f := range x.Funds {
		fmt.Fprintf(w, "  %s\tfund %s (observed)\t%s\t%v\n", f.Venue, f.Fund, f.Asset, f.Balance)
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
	x.printRest(&b)
	return b.String()
}

func printAsset(w *tabwriter.Writer, a *AssetBalance) {
	fmt.Fprintf(w, "%s\t%s\t%v\t%v\t%v\t%v\t%v\t%d\t%v\t\n", a.Venue, a.Asset, a.Liabilities, a.Receivables, a.Custody, a.Transit, a.BadDebt, a.Bankrupt, a.Sum)
}

func (x *Balance) printRest(b *strings.Builder) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\t\t\t\t\t\t\t\t\nvenue\tmarket\tlong\tshort\tnet\tin flight\tclearing\tcost\tfunding\t")
	for _, m := range x.Markets {
		fmt.Fprintf(w, "%s\t%s\t%v\t%v\t%v\t%v\t%v\t%v\t%v\t\n", m.Venue, m.Market, m.Long, m.Short, m.Net, m.InFlight, m.Clearing, m.Cost, m.Funding)
	}
	fmt.Fprintln(w, "\t\t\t\t\t\t\t\t\nvenue\toperator\tasset\taccounts\thave\towe\tequity\t\t\t")
	for _, o := range x.Operators {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%v\t%v\t%v\t\t\t\n", o.Venue, o.Operator, o.Asset, o.Accounts, o.Liabilities, o.Receivables, o.Equity)
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
	for i := range x.PerShard {
		a := &x.PerShard[i]
		fmt.Fprintf(b, "shard %d: %s %s: accounts have %v, owe %v, custody %v, sum %v\n", *a.Shard, a.Venue, a.Asset, a.Liabilities, a.Receivables, a.Custody, a.Sum)
	}
	x.InFlight.tell(b)
	if x.Balanced {
		b.WriteString("every trial balance is 0\n")
		return
	}
	for _, s := range x.Trial {
		if s.Sum != zero {
			fmt.Fprintf(b, "DIFFERENCE: the trial balance of %s at %s on shard %d is %v, not 0\n", s.Asset, s.Venue, s.Shard, s.Sum)
		}
	}
}

func (f *InFlight) tell(b *strings.Builder) {
	if !f.Looked {
		b.WriteString("legs in flight: not looked for\n")
		return
	}
	fmt.Fprintf(b, "legs in flight: %d transfers, %d trades\n", len(f.Transfers), len(f.Trades)+f.More)
	if f.Partial {
		b.WriteString("  what is there begins behind a snapshot: of some, the other leg lies before it\n")
	}
	const few = 20
	for i, t := range f.Transfers {
		if i == few {
			fmt.Fprintf(b, "  … and %d more transfers\n", len(f.Transfers)-few)
			break
		}
		fmt.Fprintf(b, "  transfer %s: %v %s at %s, record %d of shard %d\n", t.TransferID, t.Amount, t.Asset, t.Venue, t.N, t.Shard)
	}
	for i, t := range f.Trades {
		if i == few {
			fmt.Fprintf(b, "  … and %d more trades\n", len(f.Trades)+f.More-few)
			break
		}
		fmt.Fprintf(b, "  trade %s: %v %s at %s, record %d of shard %d\n", t.TradeID, t.Size, t.Market, t.Venue, t.N, t.Shard)
	}
}
