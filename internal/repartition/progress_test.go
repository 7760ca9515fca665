package repartition

import (
	"slices"
	"strings"
	"testing"
)

func TestProgressText(t *testing.T) {
	text := string(formatProgress([]int64{3, 0}, []int64{5, 1}))
	if text != "v1 low=3,0 next=5,1" {
		t.Fatalf("got %q", text)
	}
	low, next, err := parseProgress(text, 3)
	if err != nil || !slices.Equal(low, []int64{3, 0, 0}) || !slices.Equal(next, []int64{5, 1, 0}) {
		t.Errorf("got %v %v %v", low, next, err)
	}
	for _, bad := range []string{"", "v2 low=1 next=1", "v1 low=1", "v1 low=1 next=x", "v1 low=-1 next=1", "v1 next=1 low=1", "v1 low=1,2,3,4 next=1"} {
		if _, _, err := parseProgress(bad, 3); err == nil || !strings.Contains(err.Error(), HeaderProgress) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}
