package calculator

import (
	"fmt"
	"strings"

	"marginledger/events"
)

// Change is something that might happen to a portfolio. Its Kind is one of those below.
type Change struct {
	Kind, Text string

	// What derives scales is told of.
	market string
	prices []events.Number
	size   events.Number
}

// The kinds of changes, and how their text reads.
const (
	ChangeOrder    = "order"    // "BTC buy 2 @ 64000 [leg long] [fee 12.8] [isolated 500]": a fill. "ETH long increase 5000 WETH [with 0.5] [uiFee 0.0001]": of a position with collateral of its own, with params of the page
	ChangeDeposit  = "deposit"  // "500", "0.5 ETH"; "100 USDC of ETH [impact]": a claim, of funding where it does not say
	ChangeWithdraw = "withdraw" // "500", "0.5 ETH"
	ChangePrice    = "price"    // "BTC=64000", of a price pair "BTC=63990..64010"; "asset:BTC=64000" where a market is called that too
	ChangeSwitch   = "switch"   // "BTC=isolated", "BTC=isolated:500", "BTC=cross"
	ChangeLeverage = "leverage" // "BTC=20"
)

// ParseChange reads a change. Whether its names are known shows when it is applied.
func ParseChange(kind, text string) (Change, error) {
	c := Change{Kind: kind, Text: text}
	switch kind {
	case ChangeOrder:
		if c.isPositionOrder() {
			_, err := c.positionOrder()
			return c, err
		}
		o, err := c.order()
		if err != nil {
			return c, err
		}
		c.market, c.prices, c.size = o.Market, []events.Number{o.Price}, o.Size
	case ChangePrice:
		name, low, high, err := c.price()
		if err != nil {
			return c, err
		}
		c.market, c.prices = strings.TrimPrefix(name, marketPrefix), []events.Number{low, high}
	}
	return c, nil
}

// String is the change as a flag.
func (c *Change) String() string { return fmt.Sprintf("--%s %q", c.Kind, c.Text) }

func (c *Change) wrong(format string, args ...any) error { return wrong(c.String(), format, args...) }

func (c *Change) number(text string) (events.Number, error) {
	n, err := events.ParseNumber(text)
	if err != nil {
		return n, c.wrong("%q is no decimal", text)
	}
	if n.Sign() < 0 {
		return n, c.wrong("%s must not be negative", text)
	}
	return n, nil
}

// order reads MARKET buy|sell SIZE @ PRICE and its options.
func (c *Change) order() (*events.Fill, error) {
	words := strings.Fields(strings.ReplaceAll(c.Text, "@", " @ "))
	if len(words) < 5 || words[3] != "@" || len(words)%2 == 0 {
		return nil, c.wrong("must read: MARKET buy|sell SIZE @ PRICE [leg long|short] [fee AMOUNT] [isolated AMOUNT]")
	}
	b := &events.Fill{Market: words[0], Leg: events.LegNet, TradeID: "order", Reason: events.ReasonTrade}
	var err error
	if b.Side, err = events.ParseSide(words[1]); err != nil {
		return nil, c.wrong("%v", err)
	}
	if b.Size, err = c.number(words[2]); err != nil {
		return nil, err
	}
	if b.Price, err = c.number(words[4]); err != nil {
		return nil, err
	}
	for i := 5; i < len(words); i += 2 {
		switch value := words[i+1]; words[i] {
		case "leg":
			b.Leg, err = events.ParseLeg(value)
		case "fee":
			b.Fee, err = events.ParseNumber(value) // a rebate is negative
		case "isolated":
			b.IsolatedMargin, err = c.number(value)
		default:
			return nil, c.wrong("%q: must be leg, fee or isolated", words[i])
		}
		if err != nil {
			return nil, c.wrong("%s %s: %v", words[i], words[i+1], err)
		}
	}
	return b, nil
}

// isPositionOrder tells an order of a venue whose positions have collateral of their own from a fill.
func (c *Change) isPositionOrder() bool {
	words := strings.Fields(c.Text)
	return len(words) > 1 && (words[1] == "long" || words[1] == "short")
}

// positionOrder reads MARKET long|short increase|decrease USD COLLATERAL [with AMOUNT] [PARAM VALUE …].
func (c *Change) positionOrder() (*events.PositionChanged, error) {
	words := strings.Fields(c.Text)
	if len(words) < 5 || len(words)%2 == 0 {
		return nil, c.wrong("must read: MARKET long|short increase|decrease USD COLLATERAL [with AMOUNT] [PARAM VALUE …]")
	}
	b := &events.PositionChanged{Market: words[0], Collateral: words[4], CollateralDelta: events.MustNumber("0"), OrderID: "order"}
	var err error
	if b.Leg, err = events.ParseLeg(words[1]); err != nil {
		return nil, c.wrong("%v", err)
	}
	if b.Change, err = events.ParsePositionChangeKind(words[2]); err != nil || b.Change > events.ChangeDecrease {
		return nil, c.wrong("%q: must be increase or decrease", words[2])
	}
	if b.SizeUSD, err = c.number(words[3]); err != nil {
		return nil, err
	}
	var named Named[events.Number]
	for i := 5; i < len(words); i += 2 {
		n, err := c.number(words[i+1])
		switch _, twice := named.at(words[i]); {
		case err != nil:
			return nil, err
		case words[i] == "with":
			b.CollateralDelta = n
		case twice:
			return nil, c.wrong("%s is there twice", words[i])
		default:
			named = append(named, NamedValue[events.Number]{Name: words[i], Value: n})
		}
	}
	named.sort()
	b.Params = params(named)
	return b, nil
}

// pair reads NAME=VALUE.
func (c *Change) pair() (name, value string, err error) {
	name, value, ok := strings.Cut(c.Text, "=")
	if !ok || name == "" || value == "" {
		return "", "", c.wrong("must read: NAME=VALUE")
	}
	return name, value, nil
}

const (
	marketPrefix = "market:"
	assetPrefix  = "asset:"
)

func (c *Change) price() (name string, low, high events.Number, err error) {
	name, value, err := c.pair()
	if err != nil {
		return name, low, high, err
	}
	from, to, pair := strings.Cut(value, "..")
	if low, err = c.number(from); err != nil || !pair {
		return name, low, low, err
	}
	high, err = c.number(to)
	return name, low, high, err
}
