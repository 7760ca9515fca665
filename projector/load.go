package projector

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
	"strings"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// rowKey takes a row's key apart.
type rowKey struct{ rest []byte }

func (k *rowKey) name() (string, error) {
	i := bytes.IndexByte(k.rest, 0)
	if i < 0 {
		return "", fmt.Errorf("%w: key without end of name", errRow)
	}
	s := string(k.rest[:i])
	k.rest = k.rest[i+1:]
	return s, nil
}

func (k *rowKey) names(out ...*string) error {
	for _, o := range out {
		var err error
		if *o, err = k.name(); err != nil {
			return err
		}
	}
	return nil
}

func (k *rowKey) number() (uint32, error) {
	if len(k.rest) < 4 {
		return 0, fmt.Errorf("%w: key without number", errRow)
	}
	v := binary.BigEndian.Uint32(k.rest)
	k.rest = k.rest[4:]
	return v, nil
}

// LoadRow restores a row. Rows come in key order, so that what a row refers to is there; Loaded
// ends the restoring. An error means that the row is damaged.
func (s *Shard) LoadRow(key, value []byte) error {
	if len(key) == 0 {
		return fmt.Errorf("%w: empty key", errRow)
	}
	k, r := &rowKey{key[1:]}, &rowReader{data: value}
	err := r.begin()
	if err == nil {
		err = s.loadRow(key[0], k, r)
	}
	if err == nil {
		err = r.done()
	}
	if err != nil {
		return fmt.Errorf("row %q: %w", key, err)
	}
	return nil
}

// begin reads the version of a row.
func (r *rowReader) begin() error {
	if r.version = r.byte(); r.version < 1 || r.version > rowVersion {
		return fmt.Errorf("%w: it has version %d, this build reads 1 to %d", errRow, r.version, rowVersion)
	}
	return nil
}

// keyVenue takes the venue off a key.
func (s *Shard) keyVenue(k *rowKey) (*venue, error) {
	i := bytes.IndexByte(k.rest, 0)
	if i < 0 {
		return nil, fmt.Errorf("%w: key without end of name", errRow)
	}
	name := k.rest[:i]
	k.rest = k.rest[i+1:]
	if v := s.venues[string(name)]; v != nil {
		return v, nil
	}
	return nil, fmt.Errorf("%w: venue %q has no row", errRow, name)
}

func (s *Shard) loadRow(kind byte, k *rowKey, r *rowReader) error {
	switch kind {
	case rowVenue:
		return s.loadVenue(k, r)
	case rowProducer:
		return s.loadProducer(k, r)
	case rowIncomplete:
		return s.loadIncomplete(k, r)
	}
	v, err := s.keyVenue(k)
	if err != nil {
		return err
	}
	switch kind {
	case rowAsset:
		return s.loadAsset(v, k, r)
	case rowMarket:
		return s.loadMarket(v, k, r)
	case rowSystem:
		return s.loadSystem(v, k, r)
	case rowFund:
		return s.loadFund(v, k, r)
	case rowAccount:
		return s.loadAccount(v, k, r)
	}
	return fmt.Errorf("%w: unknown kind %#x", errRow, kind)
}

func (s *Shard) loadVenue(k *rowKey, r *rowReader) error {
	name, err := k.name()
	if err != nil {
		return err
	}
	profile, version, params := r.text(), r.text(), r.params()
	settlement, scale := r.text(), int(r.uint())
	if r.err != nil {
		return r.err
	}
	p, reason := newProfile(profile, version, scale, params)
	if reason != ReasonNone {
		return fmt.Errorf("profile %s@%s: %s", profile, version, reason)
	}
	v := s.openVenue(name, settlement, scale)
	v.follow(p)
	v.params = params
	v.Time, v.Block = r.int(), r.uint()
	if r.version > 1 {
		v.GatedUntil = r.uint()
	}
	v.State = r.bytes()
	return nil
}

func (s *Shard) loadAsset(v *venue, k *rowKey, r *rowReader) error {
	name, err := k.name()
	if err != nil {
		return err
	}
	x := v.assets[name]
	if x == nil {
		x = s.openAsset(v, name)
	}
	x.Price, x.PriceTime = r.int(), r.int()
	if r.version > 1 {
		x.Min, x.Max = r.int(), r.int()
	}
	for range r.count() {
		x.Haircuts = append(x.Haircuts, margin.HaircutTier{Lower: r.wide(), Haircut: r.int()})
	}
	if r.version > 1 {
		x.Capped, x.Cap = r.bool(), r.wide()
	}
	return nil
}

func (s *Shard) loadMarket(v *venue, k *rowKey, r *rowReader) error {
	name, err := k.name()
	if err != nil {
		return err
	}
	m := s.openMarket(v, name)
	m.Underlying = r.text()
	m.PriceScale, m.SizeScale = int(r.int()), int(r.int())
	m.K, m.MaxPrice, m.MaxSize = r.int(), r.int(), r.int()
	m.FundingMode = events.FundingMode(r.int())
	for _, field := range [...]*int64{&m.MaxStaleness, &m.LiquidationFee, &m.Mark, &m.Index, &m.Oracle, &m.Min, &m.Max, &m.LastFill, &m.MarkTime, &m.PriceTime} {
		*field = r.int()
	}
	for range r.count() {
		m.Tiers = append(m.Tiers, margin.Tier{Lower: r.wide(), MaxLeverage: r.int(), Rate: r.int(), Deduction: r.wide()})
	}
	m.FundingIndex = r.wide()
	m.Halted, m.Settled = r.bool(), r.bool()
	m.haltedFor = r.text()
	m.OpenLong, m.OpenShort = r.wide(), r.wide()
	m.makerFee, m.takerFee = r.number(), r.number()
	if m.Quantities = r.params(); len(m.Quantities) == 0 {
		m.Quantities = nil // none yet
	}
	if r.version > 1 {
		m.Params, m.Modes = r.params(), events.MarginModes(r.byte())
		m.OpenInterestKnown, m.GatedUntil = r.bool(), r.uint()
	}
	m.State = r.bytes()
	if r.version > 1 {
		for _, token := range [...]**margin.Asset{&m.LongToken, &m.ShortToken} {
			if name := r.text(); name != "" {
				x, err := v.marginAsset(name)
				if err != nil {
					return err
				}
				*token = &x.Asset
			}
		}
	}
	if r.err != nil {
		return r.err
	}
	var reason Reason
	if m.Own, reason = admitted(v.profile, &m.Market); reason != ReasonNone {
		return fmt.Errorf("%w: the profile %s does not admit the market: %s", errRow, v.profile.Name(), reason)
	}
	return nil
}

func (s *Shard) loadSystem(v *venue, k *rowKey, r *rowReader) error {
	var key systemKey
	if err := k.names(&key.name, &key.asset); err != nil {
		return err
	}
	y := &system{systemKey: key, venue: v, balance: r.wide()}
	v.systems[key] = y
	s.others = append(s.others, y)
	return nil
}

func (s *Shard) loadFund(v *venue, k *rowKey, r *rowReader) error {
	var key systemKey
	if err := k.names(&key.name, &key.asset); err != nil {
		return err
	}
	x, err := v.marginAsset(key.asset)
	if err != nil {
		return err
	}
	s.openFund(v, key.name, x).Balance = r.wide()
	return nil
}

func (s *Shard) loadProducer(k *rowKey, r *rowReader) error {
	p := &producer{}
	var err error
	if p.source.Topic, err = k.name(); err != nil {
		return err
	}
	partition, err := k.number()
	if err != nil {
		return err
	}
	p.source.Partition = int32(partition)
	if p.name, err = k.name(); err != nil {
		return err
	}
	p.sequence, p.time = r.uint(), r.int()
	s.producers[p.producerKey] = p
	s.others = append(s.others, p)
	return nil
}

func (s *Shard) loadIncomplete(k *rowKey, r *rowReader) error {
	in := &incomplete{}
	if err := k.names(&in.venue, &in.owner); err != nil {
		return err
	}
	var err error
	if in.subaccount, err = k.number(); err != nil {
		return err
	}
	for range r.count() {
		in.offsets = append(in.offsets, events.Offset{Topic: r.text(), Partition: int32(r.int()), Offset: r.int()})
	}
	s.open[in.incompleteKey] = in
	s.others = append(s.others, in)
	return nil
}

func (s *Shard) loadAccount(v *venue, k *rowKey, r *rowReader) error {
	owner, err := k.name()
	if err != nil {
		return err
	}
	sub, err := k.number()
	if err != nil {
		return err
	}
	a := newAccount(v, owner, sub)
	if err := a.load(r); err != nil || r.err != nil {
		return err
	}
	return s.enterLoaded(a)
}

// enterLoaded makes a restored account known.
func (s *Shard) enterLoaded(a *account) error {
	if s.owners[a.owner].account(a.venue, a.Subaccount) != nil {
		return fmt.Errorf("%w: account twice", errRow)
	}
	s.enter(a)
	return nil
}

// load reads an account's row. Of the shard it only reads what rows of lower kinds have made.
func (a *account) load(r *rowReader) error {
	v := a.venue
	var own terms
	own.operator, a.marginType, a.funded, own.ownLevels = r.text(), events.MarginType(r.byte()), r.bool(), r.bool()
	if own.ownLevels {
		own.levels = make([]int64, r.count())
		for i := range own.levels {
			own.levels[i] = r.int()
		}
	}
	if own.stop.load(r); own.operator != "" || own.ownLevels || own.stop != (stop{}) {
		a.terms = new(terms) // here only: most have none
		*a.terms = own
	}
	for range r.count() {
		set, err := v.loadSetting(r)
		if err != nil {
			return err
		}
		a.settings = append(a.settings, set)
	}
	if err := a.cross.loadBalances(v, r); err != nil {
		return err
	}
	if err := a.cross.load(a, r); err != nil {
		return err
	}
	for range r.count() {
		m, err := v.rowMarket(r)
		if err != nil {
			return err
		}
		leg, x := events.Leg(r.byte()), v.settlement
		if r.version > 1 {
			if x, err = v.rowAsset(r); err != nil {
				return err
			}
		}
		p := a.newPool(m, leg, x)
		p.Collateral = r.wide()
		if r.version > 1 {
			if err := p.loadBalances(v, r); err != nil {
				return err
			}
		}
		if err := p.load(a, r); err != nil {
			return err
		}
		if v.keeper != nil && r.err == nil {
			if err := v.keeper.Load(&p.Pool); err != nil {
				return fmt.Errorf("%w: pool %s: %w", errRow, p.name(), err)
			}
		}
		a.isolated = append(a.isolated, p)
	}
	if r.version > 1 {
		a.Mode = r.text()
		for range r.count() {
			x, err := v.rowAsset(r)
			if err != nil {
				return err
			}
			a.Observed = append(a.Observed, margin.Observed{Asset: &x.Asset, Amount: r.wide()})
			a.cross.watchLoaded(x)
		}
	}
	a.State = r.bytes()
	if v.rememberer != nil && r.err == nil {
		if err := v.rememberer.Remembers(&a.Account); err != nil {
			return fmt.Errorf("%w: account %s/%d: %w", errRow, a.owner, a.Subaccount, err)
		}
	}
	if v.keeper != nil && r.err == nil {
		if _, err := v.keeper.Claims(&a.Account); err != nil {
			return fmt.Errorf("%w: account %s/%d: %w", errRow, a.owner, a.Subaccount, err)
		}
	}
	return nil
}

// watchLoaded derives the balance of 0 of an asset that is watched; it is entered with the others.
func (p *pool) watchLoaded(x *asset) {
	i := sort.Search(len(p.Balances), func(i int) bool { return p.Balances[i].Asset.Name >= x.Name })
	if p.watches(x) && (i == len(p.Balances) || p.Balances[i].Asset != &x.Asset) {
		p.Balances = slices.Insert(p.Balances, i, margin.Balance{Asset: &x.Asset})
	}
}

func (p *pool) loadBalances(v *venue, r *rowReader) error {
	for range r.count() {
		x, err := v.rowAsset(r)
		if err != nil {
			return err
		}
		p.Balances = append(p.Balances, margin.Balance{Asset: &x.Asset, Amount: r.wide()})
	}
	return nil
}

func (st *stop) load(r *rowReader) {
	st.armed, st.hasFloor, st.hasRatio = r.bool(), r.bool(), r.bool()
	if st.hasFloor {
		st.floor = r.wide()
	}
	if st.hasRatio {
		st.ratio = r.int()
	}
}

func (v *venue) loadSetting(r *rowReader) (set setting, err error) {
	if set.market, err = v.rowMarket(r); err != nil {
		return set, err
	}
	set.isolated, set.leverage = r.bool(), r.int()
	if r.version > 1 {
		set.cap = r.int()
	}
	for leg := events.LegNet; leg <= events.LegShort; leg++ {
		if r.bool() {
			set.orders[leg] = margin.Orders{BidSize: r.int(), BidNotional: r.wide(), AskSize: r.int(), AskNotional: r.wide()}
		}
	}
	return set, nil
}

func (p *pool) load(a *account, r *rowReader) error {
	n := r.count()
	if n > 0 {
		p.Positions = make([]margin.Position, 0, min(n, margin.MaxPositions))
	}
	for range n {
		m, err := a.venue.rowMarket(r)
		if err != nil {
			return err
		}
		pos := margin.Position{Market: &m.Market, Leg: events.Leg(r.byte()), Size: r.int(), Entry: r.wide(), FundingIndex: r.wide()}
		pos.Leverage = a.effective(m)
		p.Positions = append(p.Positions, pos)
	}
	p.called = int(r.uint())
	if r.bool() {
		p.episode = &episode{id: r.text(), stage: events.Stage(r.byte()), cooldown: r.int()}
	}
	p.State = r.bytes()
	return nil
}

// Loaded ends the restoring of rows: it derives what is not stored, and continues the counters.
// After it Apply goes on as if it had never stopped.
func (s *Shard) Loaded(c Counters) error {
	s.counters = c
	some := make([]*pool, 0, ahead) // bounded together: their holders' memory is waited for together
	for _, v := range s.venueList {
		for _, a := range v.accounts {
			a.incomplete = s.openDeadLetters(a)
			if err := s.derive(&a.cross); err != nil {
				return err
			}
			some = append(some, &a.cross)
			for _, p := range a.isolated {
				if err := s.derive(p); err != nil {
					return err
				}
				some = append(some, p)
			}
			if len(some) >= ahead {
				s.boundLoaded(some)
				some = some[:0]
			}
		}
	}
	s.boundLoaded(some)
	for _, r := range s.dirty.rows {
		r.unmark()
	}
	s.dirty.rows = nil // every account was on it
	return nil
}

// derive gives a restored pool its places among holders and its deadline.
func (s *Shard) derive(p *pool) error {
	for i := range p.Positions {
		p.Positions[i].Slot = s.markets[p.Positions[i].Market.ID].holders.add(p)
	}
	for i := range p.Balances {
		if x := p.Balances[i].Asset; !x.Settlement {
			p.Balances[i].Slot = s.assets[x.ID].holders.add(p)
		}
	}
	if p.called > len(p.account.callLevels()) {
		return fmt.Errorf("%w: account %s/%s/%d: %d margin calls of %d levels", errRow,
			p.account.venue.Name, p.account.owner, p.account.Subaccount, p.called, len(p.account.callLevels()))
	}
	if p.episode != nil && p.episode.cooldown != 0 {
		s.addDeadline(p)
	}
	return nil
}

// boundLoaded gives restored pools their bounds. Health is taken for record 0, so that it is taken anew by the next.
func (s *Shard) boundLoaded(pools []*pool) {
	for _, p := range pools {
		p.healthN = 0
	}
	s.boundAll(pools)
	for _, p := range pools {
		p.healthN = 0
	}
	s.healths.next()
}

// CheckTrialBalance adds up what rows hold, per venue and asset: accounts, isolated pools and system
// accounts together must be zero. each hands over every row in key order.
func CheckTrialBalance(each func(fn func(Row) error) error) error {
	s := New(Config{})
	if err := each(func(r Row) error { return s.LoadRow(r.Key, r.Value) }); err != nil {
		return err
	}
	for _, sum := range s.TrialBalance() {
		if !sum.Amount.Coef.IsZero() {
			return fmt.Errorf("trial balance of %s at %s is %s, not 0", sum.Asset, sum.Venue, sum.Amount)
		}
	}
	return nil
}

// Sum is the sum of all balances of an asset at a venue.
type Sum struct {
	Venue, Asset string
	Amount       events.Number
}

// TrialBalance adds up all balances per venue and asset, in their order: each must be zero.
func (s *Shard) TrialBalance() []Sum {
	sums := make([]fixed.Int128, len(s.assets))
	add := func(x *margin.Asset, v fixed.Int128) { sums[x.ID] = sums[x.ID].Add(v) }
	for _, v := range s.venueList {
		for _, a := range v.accounts {
			for _, b := range a.cross.Balances {
				add(b.Asset, b.Amount)
			}
			for _, p := range a.isolated {
				add(&v.settlement.Asset, p.Collateral)
				for _, b := range p.Balances {
					add(b.Asset, b.Amount)
				}
			}
		}
	}
	for _, r := range s.others {
		if y, ok := r.(*system); ok {
			add(&y.venue.assets[y.asset].Asset, y.balance)
		}
	}
	out := make([]Sum, len(sums))
	for i, x := range s.assets {
		out[i] = Sum{Venue: x.venue.Name, Asset: strings.Clone(x.Name), Amount: x.venue.number(sums[i])}
	}
	return out
}
