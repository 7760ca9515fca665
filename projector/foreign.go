package projector

import (
	"slices"
	"sort"
	"strings"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Facts that only some venues have: what a profile's traits say decides, never its name.

// supports refuses the facts that a venue's profile has no rule for.
func (v *venue) supports(body events.Body) Reason {
	ok := true
	switch b := body.(type) {
	case *events.Fill, *events.TradeBusted, *events.FundingPayment, *events.MarginModeSet, *events.IsolatedMarginMoved, *events.OrderMargin,
		*events.LeverageSet, *events.LeverageCapSet, *events.BankruptcyCovered, *events.FundingRate, *events.MarketSettled, *events.PortfolioStopSet: // a stop watches the cross pool
		ok = v.keeper == nil
	case *events.Adjustment:
		ok = v.keeper == nil || b.Market == ""
	case *events.MarketListed:
		ok = b.LongToken == "" || v.keeper != nil
	case *events.AccountOpeningState:
		for i := range b.Positions {
			ok = ok && (b.Positions[i].Collateral != "") == (v.keeper != nil)
		}
		ok = ok && (len(b.Claims) == 0 || v.keeper != nil)
	case *events.Deposit:
		ok = b.Market == "" || v.keeper != nil
	case *events.PositionChanged, *events.AccountParamsSet:
		ok = v.keeper != nil
	case *events.AccountModeSet:
		ok = v.traits.Modes != nil
	case *events.PoolBalanceObserved:
		ok = v.traits.Observes
	case *events.WithdrawalsGated:
		ok = v.traits.Blocks
	}
	if !ok || v.traits.SinglePool && !fitsSinglePool(body) {
		return ReasonNotSupported
	}
	return ReasonNone
}

// fitsSinglePool reports that a fact is none of legs, margin modes, isolated pools or other collateral.
func fitsSinglePool(body events.Body) bool {
	switch b := body.(type) {
	case *events.MarginModeSet, *events.IsolatedMarginMoved, *events.CollateralChanged:
		return false
	case *events.Fill:
		return b.Leg == events.LegNet
	case *events.TradeBusted:
		return b.DeadLetter != nil || b.Leg == events.LegNet
	case *events.OrderMargin:
		return b.Leg == events.LegNet
	case *events.FundingPayment:
		return b.Leg == events.LegNet
	case *events.BankruptcyCovered:
		return b.Market == ""
	case *events.Adjustment: // an amount beside a market is one of its isolated pool
		return b.Market == "" || !b.Amount.Present && b.Leg == events.LegNet
	case *events.AccountOpeningState:
		for i := range b.Positions {
			if b.Positions[i].Isolated.Present || b.Positions[i].Leg != events.LegNet {
				return false
			}
		}
	}
	return true
}

// numbers reports that the venue has subaccounts of the numbers that a fact names.
func (v *venue) numbers(e *events.Event) bool {
	most := v.traits.Subaccounts
	b, ok := e.Body.(*events.Transfer)
	return most == 0 || e.Subaccount <= most && (!ok || b.ToSubaccount <= most)
}

// follow makes a profile the venue's.
func (v *venue) follow(p margin.Profile) {
	v.profile, v.traits = p, p.Traits()
	v.keeper, _ = p.(margin.Keeper)
	v.additive = nil
	if v.traits.Additive {
		v.additive, _ = p.(margin.Additive)
	}
	v.modal, _ = p.(margin.Modal)
	v.rememberer, _ = p.(margin.Rememberer)
	v.insurer, _ = p.(margin.Insurer)
}

// readmit has a profile admit every market as it stands; nothing changes where it refuses one.
func (s *Shard) readmit(v *venue, p margin.Profile) Reason {
	owns := make([]any, len(s.markets))
	for i, m := range s.markets {
		if m.venue == v {
			own, reason := admitted(p, &m.Market)
			if reason != ReasonNone {
				return reason
			}
			owns[i] = own
		}
	}
	for i, m := range s.markets {
		if m.venue == v {
			m.Own = owns[i]
		}
	}
	return ReasonNone
}

// admitted asks a profile about a market.
func admitted(p margin.Profile, m *margin.Market) (any, Reason) {
	own, err := p.Admit(m)
	return own, reasonOf(err)
}

func (s *Shard) accountModeSet(a *account, b *events.AccountModeSet) Reason {
	if !slices.Contains(a.venue.traits.Modes, b.Mode) {
		return ReasonBadValue
	}
	a.Mode = strings.Clone(b.Mode)
	if a.Mode == a.venue.traits.Modes[0] {
		a.Mode = ""
	}
	s.enqueueAccount(a)
	return ReasonNone
}

// poolBalanceObserved keeps what a pool outside of the ledger holds, as what it holds more than the ledger.
func (s *Shard) poolBalanceObserved(a *account, b *events.PoolBalanceObserved) Reason {
	x := a.venue.assets[b.Asset]
	amount, reason := a.venue.amount(b.Amount)
	if reason != ReasonNone {
		return reason
	}
	if !x.admitsBalance(amount) {
		return ReasonOutOfRange
	}
	i := sort.Search(len(a.Observed), func(i int) bool { return a.Observed[i].Asset.Name >= x.Name })
	if i == len(a.Observed) || a.Observed[i].Asset != &x.Asset {
		a.Observed = slices.Insert(a.Observed, i, margin.Observed{Asset: &x.Asset})
	}
	a.Observed[i].Amount = amount.Sub(a.balance(x))
	a.watch(x)
	s.enqueueAccount(a)
	return ReasonNone
}

// watches reports that a cross pool holds an asset outside of this ledger: then a balance of 0 stands for it among
// the asset's holders, so that its price is followed. Of the settlement asset none need be. Such a balance is derived: no
// row has it.
func (p *pool) watches(x *asset) bool {
	if p.market != nil || x.Settlement {
		return false
	}
	for i := range p.account.Observed {
		if o := &p.account.Observed[i]; o.Asset == &x.Asset {
			return !o.Amount.IsZero()
		}
	}
	return false
}

// watch begins or ends to watch an asset, after an observation of it.
func (a *account) watch(x *asset) {
	p := &a.cross
	i := sort.Search(len(p.Balances), func(i int) bool { return p.Balances[i].Asset.Name >= x.Name })
	found := i < len(p.Balances) && p.Balances[i].Asset == &x.Asset
	switch watches := p.watches(x); {
	case watches && !found:
		p.Balances = slices.Insert(p.Balances, i, margin.Balance{Asset: &x.Asset, Slot: x.holders.add(p)})
	case !watches && !x.Settlement && found && p.Balances[i].Amount.IsZero():
		x.holders.remove(p.Balances[i].Slot)
		p.Balances = slices.Delete(p.Balances, i, i+1)
	}
}

// withdrawalsGated keeps until which block a pool of collateral lets nothing out.
func (s *Shard) withdrawalsGated(v *venue, b *events.WithdrawalsGated) {
	if b.Market == "" {
		v.GatedUntil = b.UntilBlock
		s.touchVenue(v)
		return
	}
	m := v.markets[b.Market]
	m.GatedUntil = b.UntilBlock
	s.touchMarket(m)
}

// blockStarted moves the venue's clock, where blocks are it.
func (s *Shard) blockStarted(v *venue, e *events.Event, b *events.BlockStarted) {
	v.Block = b.Height
	s.touchVenue(v)
	if v.traits.Blocks {
		s.passTime(v, e.Time)
	}
}

// poolState keeps what is told of a market's pool, once the profile has understood it.
func (s *Shard) poolState(m *market, b *events.PoolState) Reason {
	next := m.Market
	next.Quantities = cloneParams(b.Quantities)
	own, reason := admitted(m.venue.profile, &next)
	if reason != ReasonNone {
		return reason
	}
	m.Quantities, m.Own = next.Quantities, own
	s.touchMarket(m)
	if m.venue.keeper != nil {
		s.enqueueHolders(&m.holders)
	}
	return ReasonNone
}

// positionChanged applies an executed order to a position with collateral of its own (margin.Keeper):
// the profile works out what it does, and the fold posts it.
func (s *Shard) positionChanged(a *account, b *events.PositionChanged) Reason {
	v := a.venue
	m, x := v.markets[b.Market], v.assets[b.Collateral]
	p := a.findIn(m, b.Leg, x)
	opens := p == nil
	if opens {
		p = a.newPool(m, b.Leg, x)
	}
	c, err := v.keeper.Change(&p.Pool, &m.Market, b)
	if err != nil {
		return reasonOf(err)
	}
	if reason := a.admitsMoves(p, c.Moves); reason != ReasonNone {
		return reason
	}
	if opens {
		p = a.isolatedIn(m, b.Leg, x)
	}
	liquidation := b.Change == events.ChangeLiquidation // a deleveraging hits those who win
	cooldown := liquidation && p.episode != nil && p.episode.cooldown == 0
	s.touch(p)
	p.State, p.Own = c.State, nil
	if c.Account != nil {
		a.State, a.Own = c.Account, nil
		s.touchAccount(a)
	}
	s.setPosition(p, m, b.Leg, c.Size, c.Entry)
	for i := range c.Moves {
		s.carryOut(p, m, &c.Moves[i])
	}
	if b.Change == events.ChangeIncrease && b.CollateralDelta.Sign() > 0 && a.balance(x).Sign() < 0 {
		s.violate(a, p, margin.RuleNegativeBalance)
	}
	if b.Change == events.ChangeIncrease || b.Change == events.ChangeDecrease {
		if m.Halted {
			s.violate(a, p, margin.RuleMarketHalted)
		}
	}
	for _, rule := range c.Rules {
		s.violate(a, p, rule)
	}
	if liquidation && p.episode == nil && a.marginType != events.MarginBackstop {
		s.violate(a, p, margin.RuleLiquidationNoEpisode)
	}
	if cooldown {
		s.startCooldown(p, v.Time)
	}
	return ReasonNone
}

// deposit credits the cross pool. What the ledger knows to be claimable in the market that it names comes from
// there, everything else from outside.
func (s *Shard) deposit(a *account, b *events.Deposit) Reason {
	v := a.venue
	x := v.assets[b.Asset]
	amount, reason := v.amount(b.Amount)
	if reason != ReasonNone {
		return reason
	}
	if !x.admitsBalance(a.balance(x).Add(amount)) {
		return ReasonOutOfRange
	}
	if b.Market != "" {
		var known fixed.Int128
		claim := margin.Claim{Market: b.Market, Asset: b.Asset, Kind: b.Claim, Amount: amount}
		if claim.Kind == 0 {
			claim.Kind = events.ClaimFunding
		}
		a.State, known = v.keeper.Claimed(&a.Account, claim)
		a.Own = nil
		s.touchAccount(a)
		s.post(&a.cross, x, known, CauseDeposit, v.markets[b.Market], claimablePrefix+b.Market)
		amount = amount.Sub(known)
	}
	s.post(&a.cross, x, amount, CauseDeposit, nil, systemExternal)
	return ReasonNone
}

// adoption is an opening position with collateral of its own, worked out before anything changes.
type adoption struct {
	market     *market
	leg        events.Leg
	asset      *asset
	collateral fixed.Int128
	margin.Changed
}

// openKept adopts the positions of an account whose venue keeps them with collateral of their own.
func (s *Shard) openKept(a *account, b *events.AccountOpeningState, balances []fixed.Int128) Reason {
	v := a.venue
	adopted := make([]adoption, len(b.Positions))
	for i := range b.Positions {
		o := &b.Positions[i]
		d := adoption{market: v.markets[o.Market], leg: o.Leg, asset: v.assets[o.Collateral]}
		var reason Reason
		if d.collateral, reason = v.amount(o.CollateralAmount); reason != ReasonNone {
			return reason
		}
		if !d.asset.admitsBalance(d.collateral) {
			return ReasonOutOfRange
		}
		var err error
		if d.Changed, err = v.keeper.Open(&a.newPool(d.market, d.leg, d.asset).Pool, &d.market.Market, o); err != nil {
			return reasonOf(err)
		}
		adopted[i] = d
	}
	claims, reason := v.openingClaims(b)
	if reason != ReasonNone {
		return reason
	}
	if a.funded {
		return ReasonOpeningNotFirst
	}
	for i := range balances {
		s.post(&a.cross, v.assets[b.Balances[i].Asset], balances[i], CauseOpening, nil, systemOpening)
	}
	for i := range adopted {
		d := &adopted[i]
		p := a.isolatedIn(d.market, d.leg, d.asset)
		p.State, p.Own = d.State, nil
		s.setPosition(p, d.market, d.leg, d.Size, d.Entry)
		s.post(p, d.asset, d.collateral, CauseOpening, nil, systemOpening)
	}
	s.adoptClaims(a, claims)
	return ReasonNone
}

// openingClaims are the claimable balances of an opening state.
func (v *venue) openingClaims(b *events.AccountOpeningState) ([]margin.Claim, Reason) {
	claims := make([]margin.Claim, len(b.Claims))
	for i := range b.Claims {
		o := &b.Claims[i]
		amount, reason := v.amount(o.Amount)
		if reason != ReasonNone {
			return nil, reason
		}
		claims[i] = margin.Claim{Market: strings.Clone(o.Market), Asset: strings.Clone(o.Asset), Kind: o.Kind, Amount: amount}
	}
	return claims, ReasonNone
}

// adoptClaims credits what an account may claim at adoption: it lies with the market.
func (s *Shard) adoptClaims(a *account, claims []margin.Claim) {
	if len(claims) == 0 {
		return
	}
	a.State, a.Own = a.venue.keeper.Adopt(&a.Account, claims), nil
	a.funded = true
	s.touchAccount(a)
	for i := range claims {
		c := &claims[i]
		s.transferSystem(a.venue, a.venue.assets[c.Asset], c.Amount, CauseOpening, systemOpening, claimablePrefix+c.Market)
	}
}

// accountParamsSet keeps what the venue has set for an account; its figures may depend on it.
func (s *Shard) accountParamsSet(a *account, b *events.AccountParamsSet) Reason {
	state, err := a.venue.keeper.SetParams(&a.Account, b.Params)
	if err != nil {
		return reasonOf(err)
	}
	a.State, a.Own = state, nil
	s.touchAccount(a)
	s.enqueueAccount(a)
	return ReasonNone
}

// tokenMoved has the positions judged whose market's pool is in a token.
func (s *Shard) tokenMoved(x *asset) {
	if x.venue.keeper == nil {
		return
	}
	for _, m := range s.markets {
		if m.LongToken == &x.Asset || m.ShortToken == &x.Asset {
			s.enqueueHolders(&m.holders)
		}
	}
}

// admitsMoves reports that every balance stays within its bound after the moves.
func (a *account) admitsMoves(p *pool, moves []margin.Move) Reason {
	for i := range moves {
		x := a.venue.assets[moves[i].Asset.Name]
		own, cross := fixed.Int128{}, a.balance(x)
		for j := range p.Balances {
			if p.Balances[j].Asset == moves[i].Asset {
				own = p.Balances[j].Amount
			}
		}
		for _, other := range moves {
			if other.Asset != moves[i].Asset {
				continue
			}
			own = own.Add(other.Amount)
			if other.Purpose == margin.MoveCross {
				cross = cross.Sub(other.Amount)
			}
		}
		if !x.admitsBalance(own) || !x.admitsBalance(cross) {
			return ReasonOutOfRange
		}
	}
	return ReasonNone
}

// carryOut posts one move of an order.
func (s *Shard) carryOut(p *pool, m *market, move *margin.Move) {
	x := s.assets[move.Asset.ID]
	switch move.Purpose {
	case margin.MoveCross:
		s.moveAsset(&p.account.cross, p, x, move.Amount, CauseMargin, m)
	case margin.MoveRealised:
		s.post(p, x, move.Amount, CauseRealised, m, m.clearingName)
	case margin.MoveFee:
		s.post(p, x, move.Amount, CauseFee, m, systemFees)
	case margin.MoveFunding:
		s.post(p, x, move.Amount, CauseFunding, m, m.fundingName)
	case margin.MoveClaimable, margin.MoveHeld:
		s.post(p, x, move.Amount, CauseRealised, m, claimablePrefix+m.Name)
	}
}
