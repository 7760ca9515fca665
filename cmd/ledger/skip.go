package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"marginledger/internal/pipeline"
	"marginledger/projector"
)

// skipCmd leaves one record out, for good.
type skipCmd struct {
	configFlags
	At     recordAt `help:"The record." required:"" placeholder:"TOPIC/PARTITION@OFFSET"`
	Reason string   `help:"Why; it stays in the order log." required:""`
}

// recordAt is the place of a record: topic/partition@offset, as messages name it.
type recordAt struct {
	source projector.Source
	offset int64
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *recordAt) UnmarshalText(text []byte) error {
	name, offset, ok := strings.Cut(string(text), "@")
	i := strings.LastIndexByte(name, '/')
	if !ok || i <= 0 {
		return fmt.Errorf("%q is not topic/partition@offset", text)
	}
	p, err := strconv.ParseUint(name[i+1:], 10, 31)
	if err != nil {
		return fmt.Errorf("%q is not a partition", name[i+1:])
	}
	o, err := strconv.ParseInt(offset, 10, 64)
	if err != nil || o < 0 || o == math.MaxInt64 {
		return fmt.Errorf("%q is not an offset", offset)
	}
	r.source, r.offset = projector.Source{Topic: name[:i], Partition: int32(p)}, o
	return nil
}

// Run appends the SKIP to the order log of every shard that reads the record. It is an error if any refuses.
func (cmd *skipCmd) Run(ctx context.Context) error {
	c, client, err := cmd.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	// No address: nobody is sent to a process that ends at once.
	cfg, err := pipelineConfig(c, "", nil, nil)
	if err != nil {
		return err
	}
	results, err := pipeline.Skip(ctx, cfg, pipeline.Kafka(client), cmd.At.source, cmd.At.offset, cmd.Reason)
	if err != nil {
		return err
	}
	var failed []error
	for _, r := range results {
		if r.Err != nil {
			failed = append(failed, fmt.Errorf("shard %d: %w", r.Shard, r.Err))
			continue
		}
		fmt.Printf("shard %d: skipped, at offset %d of the order log, term %d\n", r.Shard, r.Offset, r.Term)
	}
	return errors.Join(failed...)
}
