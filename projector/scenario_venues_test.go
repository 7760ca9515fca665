package projector_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"marginledger/events"
)

// splitName takes NAME[/SUBACCOUNT] apart.
func splitName(name string) (owner string, subaccount uint32) {
	owner, number, _ := strings.Cut(name, "/")
	n, _ := strconv.ParseUint(number, 10, 32)
	return owner, uint32(n)
}

// parseOfVenue parses the facts that only some venues have; nil: none of them.
func parseOfVenue(t *testing.T, words []string) events.Body {
	last := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch words[0] {
	case "block":
		return &events.BlockStarted{Height: uint64(num2(t, words[1]))}
	case "interest":
		return &events.OpenInterest{Market: words[1], Long: number(t, words[2]), Short: number(t, words[2])}
	case "change":
		b := &events.MarketChanged{Market: words[1]}
		if setting(words, "leverage", "") != "" {
			b.Rules = parsePerp(t, words).(*events.MarketListed).Rules
			return b
		}
		b.Rules = events.MarketRules{FundingMode: events.FundingByIndex, Params: marketParams(t, words[2:])}
		return b
	case "fund":
		return &events.InsuranceFundMoved{Fund: words[1], Asset: "USDC", Balance: number(t, words[2])}
	case "gated":
		return &events.WithdrawalsGated{UntilBlock: uint64(num2(t, words[1])), Market: last(2)}
	case "funding":
		if over := option(words, "over"); over != "" {
			return &events.FundingRate{Market: words[1], Rate: number(t, words[2]), Price: number(t, words[4]), IntervalSeconds: uint32(num2(t, over))}
		}
	}
	return nil
}

// describeBacking says what stands behind what an episode asks for, where the venue's profile says it.
func describeBacking(b *strings.Builder, p *events.PositionFigures) {
	var said []string
	if p.InsuranceDelta.Present {
		said = append(said, "fund "+p.InsuranceDelta.String()+", covers "+p.InsuranceCovers)
	}
	if p.DeleverageSize.Present {
		said = append(said, "else deleverage "+p.DeleverageSize.String()+" at "+p.DeleveragePrice.String())
	}
	if len(said) > 0 {
		b.WriteString(" (" + strings.Join(said, ", ") + ")")
	}
}

// marketParams are the settings name=value of a market that are not those of every market.
func marketParams(t *testing.T, words []string) (out []events.Param) {
	common := []string{"underlying", "price", "size", "funding", "fee", "stale", "tiers", "maxPrice"}
	for _, word := range words {
		if name, value, ok := strings.Cut(word, "="); ok && !slices.Contains(common, name) {
			out = append(out, events.Param{Name: name, Value: number(t, value)})
		}
	}
	slices.SortFunc(out, func(a, b events.Param) int { return strings.Compare(a.Name, b.Name) })
	return out
}
