package projector

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Names of system accounts: the other side of postings (§4).
const (
	systemExternal   = "external"
	systemTransit    = "transit"
	systemFees       = "fees"
	systemSpot       = "spot"
	systemConversion = "conversion"
	systemInterest   = "interest"
	systemInsurance  = "insurance"
	systemAdjustment = "adjustment"
	systemOpening    = "opening"
	clearingPrefix   = "clearing/"
	fundingPrefix    = "funding/"
	claimablePrefix  = "claimable/"
)

// amount returns a number of an event at the venue's value scale.
func (v *venue) amount(n events.Number) (fixed.Int128, Reason) {
	a, err := n.At(v.Scale)
	switch {
	case err == events.ErrNumberDigits:
		return a, ReasonTooManyDigits
	case err != nil || !margin.Within(a, margin.MaxAmount):
		return a, ReasonOutOfRange
	}
	return a, ReasonNone
}

// scaled returns a positive number of an event at a scale, at most limit.
func scaled(n events.Number, scale int, limit int64) (int64, Reason) {
	v, err := n.Int64At(scale)
	switch {
	case err == events.ErrNumberDigits:
		return 0, ReasonTooManyDigits
	case err != nil || v > limit || v < -limit:
		return 0, ReasonOutOfRange
	}
	return v, ReasonNone
}

func (m *market) price(n events.Number) (int64, Reason) {
	return scaled(n, m.PriceScale, m.MaxPrice)
}

func (m *market) size(n events.Number) (int64, Reason) { return scaled(n, m.SizeScale, m.MaxSize) }

// traded returns a traded size. What bounds it is the position after it; a size that no position
// could come back from is cut, so that sums of sizes and their values fit.
func (m *market) traded(n events.Number) (int64, Reason) {
	v, reason := scaled(n, m.SizeScale, 1<<63-1)
	return max(min(v, 4*m.MaxSize), -4*m.MaxSize), reason
}

// admitsBalance reports that a cross balance may become v.
func (x *asset) admitsBalance(v fixed.Int128) bool {
	if x.Settlement {
		return margin.Within(v, margin.MaxCash)
	}
	return margin.Within(v, margin.MaxBalance)
}

// system returns a system account, opened if it is new.
func (s *Shard) system(v *venue, name string, x *asset) *system {
	key := systemKey{name, x.Name}
	y := v.systems[key]
	if y == nil {
		key.name = strings.Clone(name)
		y = &system{systemKey: key, venue: v}
		v.systems[key] = y
		s.others = append(s.others, y)
	}
	return y
}

// systemOf is system for a posting about a market, nil: about none; the accounts of most postings are at hand.
func (s *Shard) systemOf(v *venue, m *market, name string, x *asset) *system {
	var at **system
	switch {
	case x != v.settlement:
	case name == systemFees:
		at = &v.fees
	case m != nil && name == m.clearingName:
		at = &m.clearing
	case m != nil && name == m.fundingName:
		at = &m.funding
	}
	if at == nil {
		return s.system(v, name, x)
	}
	if *at == nil {
		*at = s.system(v, name, x)
	}
	return *at
}

// post credits a pool with an amount of an asset, against a system account. Bounds have been
// checked.
func (s *Shard) post(p *pool, x *asset, amount fixed.Int128, cause Cause, m *market, against string) {
	if amount.IsZero() {
		return
	}
	s.credit(p, x, amount)
	y := s.systemOf(p.account.venue, m, against, x)
	y.balance = y.balance.Sub(amount)
	s.touchSystem(y)
	if s.cfg.Postings {
		s.posting(x, p, "", cause, m, amount)
		s.posting(x, nil, against, cause, m, amount.Neg())
	}
}

// transferSystem moves an amount of an asset from one system account to another.
func (s *Shard) transferSystem(v *venue, x *asset, amount fixed.Int128, cause Cause, from, to string) {
	for _, leg := range [...]struct {
		name   string
		amount fixed.Int128
	}{{from, amount.Neg()}, {to, amount}} {
		y := s.system(v, leg.name, x)
		y.balance = y.balance.Add(leg.amount)
		s.touchSystem(y)
		if s.cfg.Postings {
			s.posting(x, nil, leg.name, cause, nil, leg.amount)
		}
	}
}

// move takes an amount of the settlement asset from one pool of an account to another.
func (s *Shard) move(from, to *pool, amount fixed.Int128, cause Cause, m *market) {
	s.moveAsset(from, to, from.account.venue.settlement, amount, cause, m)
}

func (s *Shard) moveAsset(from, to *pool, x *asset, amount fixed.Int128, cause Cause, m *market) {
	if amount.IsZero() {
		return
	}
	s.credit(from, x, amount.Neg())
	s.credit(to, x, amount)
	if s.cfg.Postings {
		s.posting(x, from, "", cause, m, amount.Neg())
		s.posting(x, to, "", cause, m, amount)
	}
}

// posting hands out one line: of a pool, or where that is nil of a system account.
func (s *Shard) posting(x *asset, of *pool, system string, cause Cause, m *market, amount fixed.Int128) {
	p := Posting{Venue: x.venue.Name, Asset: x.Name, Account: system, Cause: cause,
		Amount: events.NumberOf(amount, x.venue.Scale)}
	if of != nil {
		p.Account, p.Owner, p.Subaccount, p.Pool = of.account.path(of), of.account.owner, of.account.Subaccount, of.name()
	}
	if m != nil && (cause == CauseRealised || cause == CauseFunding) {
		p.Market = m.Name
	}
	s.fx.Postings = append(s.fx.Postings, p)
}

// path names a pool in postings: owner/subaccount, and for isolated pools their name.
func (a *account) path(p *pool) string {
	name := a.owner + "/" + strconv.FormatUint(uint64(a.Subaccount), 10)
	if p.market != nil {
		name += "/" + p.name()
	}
	return name
}

// credit adds to a pool's balance or collateral.
func (s *Shard) credit(p *pool, x *asset, amount fixed.Int128) {
	s.touch(p)
	if p.market != nil && !p.keeps() {
		if !x.Settlement {
			panic(fmt.Sprintf("projector: %s %v credited to the isolated pool %s", x.Name, amount, p.name()))
		}
		p.Collateral = p.Collateral.Add(amount)
		return
	}
	p.account.funded = true
	i := 0
	for i < len(p.Balances) && p.Balances[i].Asset != &x.Asset && p.Balances[i].Asset.Name < x.Name {
		i++
	}
	if i == len(p.Balances) || p.Balances[i].Asset != &x.Asset {
		p.Balances = append(p.Balances, margin.Balance{})
		copy(p.Balances[i+1:], p.Balances[i:])
		p.Balances[i] = margin.Balance{Asset: &x.Asset}
		if !x.Settlement {
			p.Balances[i].Slot = x.holders.add(p)
		}
	}
	p.Balances[i].Amount = p.Balances[i].Amount.Add(amount)
	if p.Balances[i].Amount.IsZero() && !p.watches(x) {
		if !x.Settlement {
			x.holders.remove(p.Balances[i].Slot)
		}
		p.Balances = append(p.Balances[:i], p.Balances[i+1:]...)
	}
}

// setPosition gives a pool's position a new size and entry; a new one takes the market's funding
// index, one that becomes 0 is dropped.
func (s *Shard) setPosition(p *pool, m *market, leg events.Leg, size int64, entry fixed.Int128) {
	s.touch(p)
	p.account.funded = true
	i := 0
	for i < len(p.Positions) && comparePosition(&p.Positions[i], m, leg) < 0 {
		i++
	}
	found := i < len(p.Positions) && comparePosition(&p.Positions[i], m, leg) == 0
	switch {
	case found && size == 0:
		m.holders.remove(p.Positions[i].Slot)
		p.Positions = append(p.Positions[:i], p.Positions[i+1:]...)
	case found:
		p.Positions[i].Size, p.Positions[i].Entry = size, entry
	case size != 0:
		p.Positions = append(p.Positions, margin.Position{})
		copy(p.Positions[i+1:], p.Positions[i:])
		p.Positions[i] = margin.Position{Market: &m.Market, Leg: leg, Size: size, Entry: entry,
			FundingIndex: m.FundingIndex, Leverage: p.account.effective(m), Slot: m.holders.add(p)}
	}
}

func comparePosition(p *margin.Position, m *market, leg events.Leg) int {
	if p.Market == &m.Market {
		return int(p.Leg) - int(leg)
	}
	return compareStrings(p.Market.Name, m.Name)
}

// free returns the cross pool's free collateral (§3), what orders hold of it, and its health.
func (s *Shard) free(a *account) (free, orders fixed.Int128, h *margin.Health) {
	h = s.health(&a.cross)
	profile := a.venue.profile
	for i := range a.settings {
		set := &a.settings[i]
		for leg := events.LegNet; leg <= events.LegShort; leg++ {
			if set.orders[leg].IsZero() {
				continue
			}
			size := int64(0)
			if _, pos := a.holding(set.market, leg); pos != nil {
				size = pos.Size
			}
			held := profile.OrderMargin(&set.market.Market, leg, size, set.effective(), &set.orders[leg])
			if a.venue.modal != nil {
				held = a.venue.modal.OrderHold(&a.Account, held)
			}
			orders = orders.Add(held)
		}
	}
	return h.Equity.Sub(h.Initial).Sub(orders), orders, h
}

// withdrawable returns what of free may leave; negative where too much has left.
func (s *Shard) withdrawable(a *account) fixed.Int128 {
	_, orders, h := s.free(a)
	return a.venue.profile.Withdrawable(h, orders)
}

// touch marks a pool as changed by the record. Where the venue settles a pool's funding whole, it
// does so before the first change.
func (s *Shard) touch(p *pool) {
	p.healthN = 0
	if !p.touched {
		p.touched = true
		s.enqueue(p)
		if p.account.venue.traits.SettlesPool {
			s.settleFunding(p)
		}
	}
	s.touchAccount(p.account)
}

// settleFunding posts the funding of every position of a pool, one line each.
func (s *Shard) settleFunding(p *pool) {
	lines := s.settlement(p)
	for i := range lines {
		m := s.markets[p.Positions[i].Market.ID]
		p.Positions[i].FundingIndex = m.FundingIndex
		s.post(p, p.account.venue.settlement, lines[i], CauseFunding, m, m.fundingName)
	}
}

// settlement returns what settling each position of a pool would post.
func (s *Shard) settlement(p *pool) []fixed.Int128 {
	n := len(p.Positions)
	s.lines = slices.Grow(s.lines[:0], n)[:n]
	clear(s.lines)
	p.account.venue.profile.Settlement(&p.Pool, s.lines)
	return s.lines
}

// enqueue has a pool judged once the record is applied.
func (s *Shard) enqueue(p *pool) {
	p.healthN = 0
	if !p.queued {
		p.queued = true
		s.queue = append(s.queue, p)
	}
}
