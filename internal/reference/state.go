package reference

import (
	"maps"

	"github.com/shopspring/decimal"

	"marginledger/events"
)

// state is everything that an applied event may change.
type state struct {
	venues map[string]*venue
	// Open dead letters (§ 5): of accounts, and of an owner at large where the record could not be
	// decoded.
	ofAccount map[venueAccount]map[events.Offset]bool
	ofOwner   map[string]map[events.Offset]bool
}

// venue is a set of rules with the markets and accounts under them.
type venue struct {
	name       string
	profile    string // name@version
	settlement string // asset
	scale      int32  // V
	params     params
	time       int64 // shard time, § 7; nanoseconds
	timed      bool  // a mark has been applied
	assets     map[string]*asset
	markets    map[string]*market
	accounts   map[accountKey]*account
	system     map[systemKey]decimal.Decimal // balances of the system accounts, § 4
}

type systemKey struct{ account, asset string }

// asset is a collateral asset that is known beside the settlement asset.
type asset struct {
	name     string
	price    decimal.Decimal // 0: none yet
	time     int64           // of the last price
	haircuts []haircut
	cap      decimal.Decimal // what a balance counts at most
	capped   bool
}

type haircut struct{ lower, share decimal.Decimal }

// market is one linear perpetual.
type market struct {
	name, underlying      string
	priceScale, sizeScale int32
	maxPrice, maxSize     decimal.Decimal
	rules                 rules
	halted, settled       bool

	mark, index, lastFill decimal.Decimal // 0: none yet
	markTime              int64           // of the mark
	priced                bool            // a MarkPrice has been applied
	lastTime              int64           // of the last MarkPrice
	funding               decimal.Decimal // I, § 2
}

type rules struct {
	tiers          []tier
	byIndex        bool // funding by index
	maxStalenessMs uint64
	liquidationFee decimal.Decimal
	isolatedOnly   bool
	keepsMargin    bool // of an isolated pool with a position
}

type tier struct {
	lower, rate, deduction decimal.Decimal
	maxLeverage            uint32
}

// account is one account of a venue.
type account struct {
	key       accountKey
	operator  string
	backstop  bool
	touched   bool                       // has, or had, a balance or a position
	balances  map[string]decimal.Decimal // of the cross pool, by asset
	pools     map[poolKey]*pool          // the cross pool always
	modes     map[string]events.MarginMode
	leverages map[string]uint32
	caps      map[string]uint32 // on leverages
	orders    map[legKey]order
	levels    []decimal.Decimal // of margin calls, falling
	stop      stop
}

type accountKey struct {
	owner string
	sub   uint32
}

type venueAccount struct {
	venue string
	accountKey
}

// legKey names a position of an account.
type legKey struct {
	market string
	leg    events.Leg
}

// poolKey names a pool of an account: the zero value is the cross pool, else the isolated pool of
// that market and leg.
type poolKey legKey

var crossPool poolKey

// String returns "cross", "market" for leg net, or "market/leg".
func (k poolKey) String() string {
	switch {
	case k == crossPool:
		return "cross"
	case k.leg == events.LegNet:
		return k.market
	}
	return k.market + "/" + k.leg.String()
}

// pool is the unit of equity, requirement, episode and bankruptcy.
type pool struct {
	key        poolKey
	collateral decimal.Decimal // of an isolated pool; that of the cross pool is the account's balances
	positions  map[legKey]*position
	called     int // c of § 7: so many levels are called
	episode    *episode
}

// position: s, e and i of § 2.
type position struct {
	legKey
	size  decimal.Decimal // negative: short; never 0
	entry decimal.Decimal
	index decimal.Decimal
}

// order is what open orders hold in a market and leg, § 3.
type order struct{ bidSize, bidNotional, askSize, askNotional decimal.Decimal }

// stop is the portfolio stop of an account.
type stop struct {
	armed                   bool
	equityFloor, ratioFloor events.Number
}

// episode is a liquidation of a pool, from its trigger to its end.
type episode struct {
	id      string
	stage   events.Stage
	cooling bool  // a cool-down runs
	until   int64 // its end in shard time
}

func newState() *state {
	return &state{
		venues:    map[string]*venue{},
		ofAccount: map[venueAccount]map[events.Offset]bool{},
		ofOwner:   map[string]map[events.Offset]bool{},
	}
}

var defaultLevels = []decimal.Decimal{decimal.RequireFromString("2"), decimal.RequireFromString("1.5"), decimal.RequireFromString("1.2")}

func newAccount(key accountKey) *account {
	return &account{
		key:       key,
		balances:  map[string]decimal.Decimal{},
		pools:     map[poolKey]*pool{crossPool: newPool(crossPool)},
		modes:     map[string]events.MarginMode{},
		leverages: map[string]uint32{},
		caps:      map[string]uint32{},
		orders:    map[legKey]order{},
		levels:    defaultLevels,
	}
}

func newPool(key poolKey) *pool { return &pool{key: key, positions: map[legKey]*position{}} }

// clone copies everything that is ever changed in place.
func (s *state) clone() *state {
	c := newState()
	for name, v := range s.venues {
		c.venues[name] = v.clone()
	}
	for key, open := range s.ofAccount {
		c.ofAccount[key] = maps.Clone(open)
	}
	for owner, open := range s.ofOwner {
		c.ofOwner[owner] = maps.Clone(open)
	}
	return c
}

func (v *venue) clone() *venue {
	c := *v
	c.assets, c.markets, c.accounts = map[string]*asset{}, map[string]*market{}, map[accountKey]*account{}
	for name, a := range v.assets {
		copied := *a
		c.assets[name] = &copied
	}
	for name, m := range v.markets {
		copied := *m
		c.markets[name] = &copied
	}
	for key, a := range v.accounts {
		c.accounts[key] = a.clone()
	}
	c.system = maps.Clone(v.system)
	return &c
}

func (a *account) clone() *account {
	c := *a
	c.balances, c.modes = maps.Clone(a.balances), maps.Clone(a.modes)
	c.leverages, c.caps, c.orders = maps.Clone(a.leverages), maps.Clone(a.caps), maps.Clone(a.orders)
	c.pools = map[poolKey]*pool{}
	for key, p := range a.pools {
		copied := *p
		copied.positions = map[legKey]*position{}
		for k, pos := range p.positions {
			position := *pos
			copied.positions[k] = &position
		}
		if p.episode != nil {
			episode := *p.episode
			copied.episode = &episode
		}
		c.pools[key] = &copied
	}
	return &c
}

// pool returns the pool of that key; one that was never used is empty.
func (a *account) pool(key poolKey) *pool {
	if a.pools[key] == nil {
		a.pools[key] = newPool(key)
	}
	return a.pools[key]
}

// open returns the open position in a market and leg with its pool; nil where there is none.
func (a *account) open(key legKey) (*pool, *position) {
	for _, p := range a.sortedPools() {
		if pos := p.positions[key]; pos != nil {
			return p, pos
		}
	}
	return nil, nil
}

// openLegs returns the legs of a market in which the account has a position.
func (a *account) openLegs(market string) []events.Leg {
	var out []events.Leg
	for _, leg := range []events.Leg{events.LegNet, events.LegLong, events.LegShort} {
		if _, pos := a.open(legKey{market, leg}); pos != nil {
			out = append(out, leg)
		}
	}
	return out
}
