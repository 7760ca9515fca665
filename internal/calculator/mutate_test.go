package calculator

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var mutations = flag.Int("calculator.mutations", 1500, "documents of TestMutatedDocuments")

// mutant changes one place of a document.
type mutant struct {
	*rand.Rand
	path string // that was changed
}

// leaves are values that a document may have in a place where they make no sense, or hardly any.
var leaves = []any{nil, true, "", "0", "-0", "-1", "1", "0.000000000000000001", "0.0000000000000000001", "1e3", "NaN", "١", "99999999999999999999999999999999999999",
	"100000000000000000000000000000000000000", "-99999999999999999999999999999999999999", "9007199254740993", "4611686018427387904.5", json.Number("1"), json.Number("-2"),
	"isolated", "cross", "long", "short", "net", "buy", "USDC", "WETH", "BTC", "ETH", strings.Repeat("x", 33), "\x00"}

func (m *mutant) leaf() any {
	switch m.IntN(8) {
	case 0:
		return []any{}
	case 1:
		return map[string]any{"x": "1"}
	}
	return leaves[m.IntN(len(leaves))]
}

// change returns a value with one thing changed somewhere inside.
func (m *mutant) change(v any, path string) any {
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v { // unordered: sorted below
			names = append(names, name)
		}
		slices.Sort(names)
		if len(names) == 0 || m.IntN(12) == 0 {
			name := []string{"zork", "size", "market", "collateral", "isolatedMargin", "mode", "params", "leg", "entryCost", "settledRates"}[m.IntN(10)]
			m.path, v[name] = join(path, name), m.leaf()
			return v
		}
		name := names[m.IntN(len(names))]
		if m.IntN(10) == 0 {
			m.path = join(path, name)
			delete(v, name)
			return v
		}
		v[name] = m.change(v[name], join(path, name))
		return v
	case []any:
		if len(v) == 0 || m.IntN(10) == 0 {
			m.path = path
			return append(v, m.leaf())
		}
		i := m.IntN(len(v))
		if m.IntN(8) == 0 {
			m.path = fmt.Sprintf("%s[%d]", path, len(v))
			return append(v, v[i]) // twice
		}
		v[i] = m.change(v[i], fmt.Sprintf("%s[%d]", path, i))
		return v
	}
	m.path = path
	return m.leaf()
}

// TestMutatedDocuments: a document with one or two things changed is answered, or refused with a place and a reason; never a
// panic.
func TestMutatedDocuments(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test ./internal/calculator -run TestMutatedDocuments -calculator.seed=%d", seed)
	m := &mutant{Rand: rand.New(rand.NewPCG(seed, 3))}
	documents := [][]byte{[]byte(whole)}
	for _, path := range inputs(t) {
		documents = append(documents, read(t, path))
	}
	answered, refused := 0, 0
	for range *mutations {
		var doc any
		original := documents[m.IntN(len(documents))]
		if err := json.Unmarshal(original, &doc); err != nil {
			t.Fatal(err)
		}
		places := []string{}
		for range 1 + m.IntN(2) {
			doc = m.change(doc, "")
			places = append(places, m.path)
		}
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		switch err := answerAll(t, data); {
		case err == nil:
			answered++
		case err.Path == "" && !slices.Contains(places, "") || err.Detail == "" || strings.Contains(err.Detail, "docs/errors.md"):
			t.Errorf("%v changed: %q says too little\n%s", places, err, data)
		default:
			refused++
		}
	}
	t.Logf("%d answered, %d refused", answered, refused)
	if answered < *mutations/20 || refused < *mutations/4 {
		t.Errorf("%d answered, %d refused: the test tests too little", answered, refused)
	}
}

// answerAll asks for everything that a document may be asked, and returns what is wrong with it.
func answerAll(t *testing.T, data []byte) *InputError {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("%s\n%v", data, r)
		}
	}()
	p, err := Read(data)
	var a *Answer
	if err == nil {
		a, err = Calculate(p, nil, true)
	}
	if err == nil {
		_ = encoded(t, a)
		err = a.Text(io.Discard)
	}
	var c *Comparison
	compared := err
	if err == nil {
		c, compared = Compare(data, nil, []string{p.Venue.Profile, "standard@1"})
	}
	if compared == nil {
		_ = encoded(t, c)
		compared = c.Text(io.Discard)
	}
	for _, err := range []error{err, compared} {
		var bad *InputError
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("%s\n%v is no InputError", data, err)
		}
	}
	var bad *InputError
	errors.As(err, &bad)
	return bad
}
