package repartition

import (
	"fmt"
	"strconv"
	"strings"
)

// formatProgress returns the text of HeaderProgress: "v1 low=3,0 next=5,1", one number per source partition.
func formatProgress(low, next []int64) []byte {
	b := append([]byte(nil), "v1 low="...)
	b = appendList(b, low)
	b = append(b, " next="...)
	return appendList(b, next)
}

func appendList(b []byte, list []int64) []byte {
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, v, 10)
	}
	return b
}

// parseProgress is the inverse of formatProgress. More source partitions than there were are at 0; fewer are an error.
func parseProgress(text string, sources int) (low, next []int64, err error) {
	fields := strings.Fields(text)
	if len(fields) != 3 || fields[0] != "v1" {
		return nil, nil, fmt.Errorf("header %s: unknown form %q", HeaderProgress, text)
	}
	if low, err = parseList(fields[1], "low=", sources); err != nil {
		return nil, nil, err
	}
	next, err = parseList(fields[2], "next=", sources)
	return low, next, err
}

func parseList(field, prefix string, sources int) ([]int64, error) {
	list, ok := strings.CutPrefix(field, prefix)
	if !ok {
		return nil, fmt.Errorf("header %s: %q does not begin with %s", HeaderProgress, field, prefix)
	}
	parts := strings.Split(list, ",")
	if len(parts) > sources {
		return nil, fmt.Errorf("header %s: tells of %d source partitions, there are %d: the source was recreated", HeaderProgress, len(parts), sources)
	}
	out := make([]int64, sources)
	for i, p := range parts {
		v, err := strconv.ParseInt(p, 10, 64)
		if err != nil || v < 0 {
			return nil, fmt.Errorf("header %s: %q is not an offset", HeaderProgress, p)
		}
		out[i] = v
	}
	return out, nil
}
