package calculator

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"
)

// FuzzCalculate: whatever a document and a change say, the answer is an answer or an *InputError that says where, in JSON
// and as a table; and what is answered is answered again.
func FuzzCalculate(f *testing.F) {
	paths, err := os.ReadDir(examples)
	if err != nil {
		f.Fatal(err)
	}
	changes := []struct{ kind, text string }{{ChangeOrder, "BTC buy 2 @ 64000 leg long fee 1 isolated 5"}, {ChangeOrder, "ETH long decrease 5000 WETH with 1 uiFee 0.0001"},
		{ChangeDeposit, "10 USDC of ETH impact"}, {ChangeWithdraw, "5 USDC"}, {ChangePrice, "market:ETH=1..2"}, {ChangeSwitch, "BTC=isolated:50"}, {ChangeLeverage, "BTC=7"}}
	for i, p := range paths {
		data, err := os.ReadFile(examples + "/" + p.Name())
		if err != nil {
			f.Fatal(err)
		}
		c := changes[i%len(changes)]
		f.Add(data, c.kind, c.text)
	}
	f.Add([]byte(whole), ChangeOrder, "BTC sell 1 @ 66000")
	f.Fuzz(func(t *testing.T, data []byte, kind, text string) {
		place := func(err error) {
			var bad *InputError
			if !errors.As(err, &bad) || bad.Detail == "" {
				t.Fatalf("%v (%T) says nothing", err, err)
			}
		}
		p, err := Read(data)
		if err != nil {
			place(err)
			return
		}
		var list []Change
		switch kind {
		case ChangeOrder, ChangeDeposit, ChangeWithdraw, ChangePrice, ChangeSwitch, ChangeLeverage:
			c, err := ParseChange(kind, text)
			if err != nil {
				place(err)
				return
			}
			list = []Change{c}
		}
		a, err := Calculate(p, list, true)
		if err != nil {
			place(err)
			return
		}
		once, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Text(io.Discard); err != nil {
			t.Fatal(err)
		}
		b, err := Calculate(p, list, true)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(b); err != nil || string(again) != string(once) {
			t.Fatalf("first\n%s\nthen\n%s\n%v", once, again, err)
		}
	})
}
