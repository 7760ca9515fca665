package gmx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// held is what a position has beside its collateral, which is the pool's balance: Pool.State, decoded.
type held struct {
	size          *big.Int // USD
	tokens        *big.Int
	pendingImpact *big.Int
	borrowing     *big.Int // cumulative factor when last taken (§9)
	fee           *big.Int // per size, when last taken (§8), in the token of the collateral
	claim         Sides    // likewise, in the long and in the short token

	of      *settings // a cache: closing is the impact of closing all at this state of the pool
	closing closing
}

// stateVersion is the first byte of Pool.State.
const stateVersion = 1

func (h *held) numbers() [7]**big.Int {
	return [...]**big.Int{&h.size, &h.tokens, &h.pendingImpact, &h.borrowing, &h.fee, &h.claim.Long, &h.claim.Short}
}

// encode returns the canonical encoding: the version, then of each number twice its length in bytes, plus
// one if it is negative, and its bytes, the most significant first.
func (h *held) encode() []byte {
	out := []byte{stateVersion}
	for _, n := range h.numbers() {
		b := (*n).Bytes()
		head := uint64(len(b)) << 1
		if (*n).Sign() < 0 {
			head |= 1
		}
		out = append(binary.AppendUvarint(out, head), b...)
	}
	return out
}

var errState = errors.New("gmx: damaged state of a position")

func decode(state []byte) (*held, error) {
	if len(state) == 0 || state[0] != stateVersion {
		return nil, errState
	}
	h, rest := &held{}, state[1:]
	for _, n := range h.numbers() {
		head, used := binary.Uvarint(rest)
		if used <= 0 || head>>1 > uint64(len(rest)-used) {
			return nil, errState
		}
		b := rest[used : used+int(head>>1)]
		*n = new(big.Int).SetBytes(b)
		if head&1 == 1 {
			(*n).Neg(*n)
		}
		rest = rest[used+len(b):]
	}
	if h.size.Sign() <= 0 || h.tokens.Sign() <= 0 || string(h.encode()) != string(state) {
		return nil, errState
	}
	return h, nil
}

// Load decodes a pool's state.
func (p *Profile) Load(pool *margin.Pool) error {
	if len(pool.State) == 0 && len(pool.Positions) == 0 {
		return nil
	}
	h, err := decode(pool.State)
	if err != nil {
		return err
	}
	pool.Own = h
	return nil
}

// heldOf returns what a pool with a position holds.
func heldOf(pool *margin.Pool) *held {
	if h, ok := pool.Own.(*held); ok {
		return h
	}
	h, err := decode(pool.State)
	if err != nil { // the fold stores what Change gave it, and checks what it loads
		panic(fmt.Sprintf("gmx: %v: %x", err, pool.State))
	}
	pool.Own = h
	return h
}

// tokensIn returns a pool's collateral in smallest units.
func (s *settings) tokensIn(pool *margin.Pool, longToken bool) *big.Int {
	for i := range pool.Balances {
		if b := &pool.Balances[i]; b.Asset == pool.Asset {
			return margin.Quo(b.Amount.Big(), pow10(int64(s.walletDigits-s.decimals(longToken))), margin.Down)
		}
	}
	return new(big.Int)
}

// amount returns smallest units of a token as an amount of the ledger.
func (s *settings) amount(tokens *big.Int, longToken bool) (fixed.Int128, error) {
	v, ok := fixed.FromBig(mul(tokens, pow10(int64(s.walletDigits-s.decimals(longToken)))))
	if !ok || !margin.Within(v, margin.MaxAmount) {
		return v, fmt.Errorf("%w: %v smallest units of a token", margin.ErrOutOfRange, tokens)
	}
	return v, nil
}

// display returns a size in tokens as the fold shows it: at least one unit while the position is open,
// negative for shorts.
func (s *settings) display(m *margin.Market, h *held, leg events.Leg) (int64, error) {
	n := margin.Quo(h.tokens, pow10(int64(s.indexDecimals-m.SizeScale)), margin.Down)
	n = greatest(n, one)
	if h.tokens.Cmp(mul(big.NewInt(m.MaxSize), pow10(int64(s.indexDecimals-m.SizeScale)))) > 0 || h.size.Cmp(mostUSD) > 0 {
		return 0, fmt.Errorf("%w: a position of %v USD · 10^-30, %v tokens", margin.ErrOutOfRange, h.size, h.tokens)
	}
	if leg == events.LegShort {
		n = neg(n)
	}
	return n.Int64(), nil
}

// sizeNumber is the exact size in tokens, negative for shorts.
func (s *settings) sizeNumber(h *held, leg events.Leg) events.Number {
	n := h.tokens
	if leg == events.LegShort {
		n = neg(n)
	}
	coef, ok := fixed.FromBig(n)
	if !ok { // at most maxSize: display has checked
		panic(fmt.Sprintf("gmx: %v tokens", h.tokens))
	}
	return events.NumberOf(coef, s.indexDecimals)
}

// entryNumber is the entry price, to the nearest unit of the market's price scale.
func (s *settings) entryNumber(m *margin.Market, h *held) events.Number {
	coef, ok := fixed.FromBig(margin.Quo(h.size, mul(h.tokens, s.indexUnit), margin.HalfUp))
	if !ok {
		return events.Number{}
	}
	return events.Number{Coef: coef, Scale: uint8(m.PriceScale), Present: true}
}
