package sumtree

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"

	"marginledger/internal/orderlog"
)

// MinKeyBytes is the length of the shortest audit key.
const MinKeyBytes = 32

// Key is the audit key. Whoever has it can tell which leaf of a tree is whose by trying names; without it a leaf says
// nothing about its account but its sums. A nil Key makes no tree.
type Key struct {
	secret []byte
	id     string
}

// ParseKey reads a key in hex, at least MinKeyBytes long; white space around it is free. Its error does not tell the
// key.
func ParseKey(text string) (*Key, error) {
	secret, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, errors.New("an audit key is hex digits, as openssl rand -hex 32 makes them")
	}
	return NewKey(secret)
}

// NewKey returns the key of the given bytes.
func NewKey(secret []byte) (*Key, error) {
	if len(secret) < MinKeyBytes {
		return nil, fmt.Errorf("an audit key of %d bytes; it needs %d", len(secret), MinKeyBytes)
	}
	k := &Key{secret: append([]byte(nil), secret...)}
	m := k.mac()
	m.Write([]byte("marginledger audit key id 1\n"))
	k.id = hex.EncodeToString(m.Sum(nil)[:8])
	return k, nil
}

// ID names the key without telling it: 16 hex digits.
func (k *Key) ID() string { return k.id }

// String returns the key's name: a key that is printed by mistake stays secret.
func (k *Key) String() string { return "audit key " + k.id }

func (k *Key) mac() hash.Hash { return hmac.New(sha256.New, k.secret) }

// Salt returns what hides an account's leaf. Its holder may know it; it says nothing about others.
func (k *Key) Salt(a Account) (salt orderlog.Hash) { return newSalter(k).salt(a.append(nil)) }

// salter makes salts one after the other.
type salter struct {
	mac  hash.Hash
	text []byte
}

func newSalter(k *Key) *salter { return &salter{mac: k.mac()} }

// salt returns the salt of an account as append writes it.
func (s *salter) salt(account []byte) (salt orderlog.Hash) {
	s.mac.Reset()
	s.text = append(append(s.text[:0], "marginledger leaf 1\n"...), account...)
	s.mac.Write(s.text)
	s.mac.Sum(salt[:0])
	return salt
}
