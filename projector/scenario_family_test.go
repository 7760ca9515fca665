package projector_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"marginledger/projector"
)

// family prints a parent subaccount with its children, as the shard and a view of its rows have it.
func (w *world) family(t *testing.T, name string) string {
	owner, number := splitName(name)
	f := w.shard.Family("x", owner, number)
	var rows []projector.Row
	w.shard.EachRow(func(r projector.Row) {
		rows = append(rows, projector.Row{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)})
	})
	view := projector.OpenView(func(key []byte) ([]byte, bool, error) {
		for _, r := range rows {
			if bytes.Equal(r.Key, key) {
				return r.Value, true, nil
			}
		}
		return nil, false, nil
	})
	viewed, err := view.Family("x", owner, number, func(prefix []byte, f func(projector.Row) error) error {
		for _, r := range rows {
			if bytes.HasPrefix(r.Key, prefix) {
				if err := f(r); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil || !reflect.DeepEqual(viewed, f) {
		t.Errorf("the family of %s in a view: %+v, %v; in the shard: %+v", name, viewed, err, f)
	}
	if f == nil {
		return "none\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, parent %d: equity %s, free %s\n", f.Owner, f.Parent, orUnknown(f.Equity), orUnknown(f.Free))
	for _, a := range f.Accounts {
		fmt.Fprintf(&b, "  %d: equity %s, free %s", a.Subaccount, orUnknown(a.Pools[0].Equity), orUnknown(a.Free))
		for _, p := range a.Pools[0].Positions {
			fmt.Fprintf(&b, ", %s %s", p.Size, p.Market)
		}
		if a.Child {
			fmt.Fprintf(&b, ", of parent %d", a.Parent)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
