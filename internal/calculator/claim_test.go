package calculator

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// TestClaimable: funding that a position has received is claimable once an order settles it: 14,750 USD of size at
// 1 % are 147.5 USDC, in the answer and in its table, and the answer fits its schema.
func TestClaimable(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal(read(t, filepath.Join(examples, "gmx-v2.json")), &doc); err != nil {
		t.Fatal(err)
	}
	doc["markets"].([]any)[0].(map[string]any)["pool"].(map[string]any)["fundingClaimShortInShort"] = "10000000000000000000"
	short := doc["positions"].([]any)[1].(map[string]any)
	short["params"] = map[string]any{"fundingClaimInShort": "0"}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseChange(ChangeOrder, "ETH short decrease 1000 USDC")
	if err != nil {
		t.Fatal(err)
	}
	a, err := Calculate(p, []Change{c}, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Claims) != 0 {
		t.Errorf("claimable before any order: %v", a.Claims)
	}
	got := a.Changes[0].After.Claims
	if len(got) != 1 || got[0].Market != "ETH" || got[0].Asset != "USDC" || got[0].Amount.String() != "147.5" {
		t.Errorf("claimable is %v, want 147.5 USDC of ETH (%v)", got, a.Changes[0].Broken)
	}
	if err := valid(t, schema(t, outputSchema), encoded(t, a)); err != nil {
		t.Error(err)
	}
	var text strings.Builder
	if err := a.Text(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "claimable of  asset  kind     amount\nETH           USDC   funding  147.5\n") {
		t.Errorf("the table lacks it:\n%s", &text)
	}
}
