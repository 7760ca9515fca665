// Package goka is the reduced task as a goka processor: a group table in LevelDB with a changelog topic.
package goka

import (
	"context"
	"fmt"
	"hash"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"google.golang.org/protobuf/proto"

	"marginledger/events/eventspb"
	"marginledger/internal/eventlog"
	"marginledger/peers/child"
	"marginledger/peers/task"
)

// Run runs a job until the context ends.
func Run(ctx context.Context, job *child.Job, said child.Said) error {
	cfg := goka.DefaultConfig()
	cfg.Version = sarama.V2_8_0_0
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest      // goka's default is the newest
	cfg.Consumer.Offsets.AutoCommit.Interval = job.Interval // goka's default is 1 s
	cfg.Producer.RequiredAcks = sarama.WaitForAll           // goka's default is the leader alone
	cfg.Producer.Compression = sarama.CompressionNone       // goka's default is snappy
	cfg.Producer.Flush.Frequency = min(cfg.Producer.Flush.Frequency, job.Interval)
	goka.ReplaceGlobalConfig(cfg)
	topics := goka.NewTopicManagerConfig()
	topics.Table.Replication, topics.Stream.Replication = 1, 1

	callback := func(ctx goka.Context, message any) {
		said.First()
		if err := apply(ctx, message.(*fact), goka.Stream(job.Alerts)); err != nil {
			ctx.Fail(err)
		}
	}
	p, err := goka.NewProcessor(job.Brokers,
		goka.DefineGroup(goka.Group(job.Group),
			goka.Input(goka.Stream(job.Facts), factCodec{}, callback),
			goka.Output(goka.Stream(job.Alerts), bytesCodec{}),
			goka.Persist(accountCodec{})),
		goka.WithTopicManagerBuilder(goka.TopicManagerBuilderWithTopicManagerConfig(topics)),
		goka.WithStorageBuilder(storage.DefaultBuilder(job.Dir)),
		goka.WithLogger(silent{}),
		// The table's partition of a key must be the input's.
		goka.WithHasher(func() hash.Hash32 { return &murmur2{partitions: job.Partitions} }))
	if err != nil {
		return fmt.Errorf("make the processor: %w", err)
	}
	return p.Run(ctx)
}

func apply(ctx goka.Context, f *fact, alerts goka.Stream) error {
	a, ok := ctx.Value().(*task.Account)
	if !ok {
		a = new(task.Account)
	}
	alert, raised, err := a.Apply(&f.Fact)
	if err != nil {
		return fmt.Errorf("fact %s of %s: %w", f.id, ctx.Key(), err)
	}
	ctx.SetValue(a)
	if raised {
		ctx.Emit(alerts, ctx.Key(), task.AppendAlert(nil, ctx.Key(), f.id, alert))
	}
	return nil
}

// fact is a fact with its id.
type fact struct {
	task.Fact
	id string
}

// factCodec reads facts as the product's schema has them, with Google's generated code.
type factCodec struct{}

// Encode implements goka.Codec; nobody here sends facts.
func (factCodec) Encode(any) ([]byte, error) { return nil, fmt.Errorf("facts are only read") }

// Decode implements goka.Codec.
func (factCodec) Decode(data []byte) (any, error) {
	var e eventspb.Event
	if err := proto.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("decode a fact: %w", err)
	}
	f := &fact{id: e.GetId()}
	var errs [4]error
	switch body := e.GetBody().(type) {
	case *eventspb.Event_Deposit:
		f.Amount, errs[0] = task.ParseDecimal(body.Deposit.GetAmount(), task.CashScale)
	case *eventspb.Event_Fill:
		f.Market = body.Fill.GetMarket()
		f.Size, errs[0] = task.ParseDecimal(body.Fill.GetSize(), task.SizeScale)
		f.Price, errs[1] = task.ParseDecimal(body.Fill.GetPrice(), task.PriceScale)
		if fee := body.Fill.GetFee(); fee != "" {
			f.Fee, errs[2] = task.ParseDecimal(fee, task.CashScale)
		}
		switch body.Fill.GetSide() {
		case eventspb.Side_SIDE_BUY:
		case eventspb.Side_SIDE_SELL:
			f.Size = -f.Size
		default:
			errs[3] = fmt.Errorf("side %v", body.Fill.GetSide())
		}
	default:
		errs[0] = fmt.Errorf("a %T is not of this task", body)
	}
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("fact %s: %w", f.id, err)
		}
	}
	return f, nil
}

// accountCodec keeps accounts as task.Account.AppendState writes them.
type accountCodec struct{}

// Encode implements goka.Codec.
func (accountCodec) Encode(v any) ([]byte, error) { return v.(*task.Account).AppendState(nil), nil }

// Decode implements goka.Codec.
func (accountCodec) Decode(data []byte) (any, error) {
	a := new(task.Account)
	return a, a.ParseState(data)
}

type bytesCodec struct{}

// Encode implements goka.Codec.
func (bytesCodec) Encode(v any) ([]byte, error) { return v.([]byte), nil }

// Decode implements goka.Codec.
func (bytesCodec) Decode(data []byte) (any, error) { return data, nil }

// murmur2 says the partition of a key as Java's producer chooses it: sarama takes it modulo the partitions once more.
type murmur2 struct {
	key        []byte
	partitions int32
}

// Write implements hash.Hash32.
func (m *murmur2) Write(p []byte) (int, error) { m.key = append(m.key, p...); return len(p), nil }

// Sum32 implements hash.Hash32.
func (m *murmur2) Sum32() uint32 { return uint32(eventlog.Murmur2Partition(m.key, m.partitions)) }

// Reset implements hash.Hash32.
func (m *murmur2) Reset() { m.key = m.key[:0] }

// Sum implements hash.Hash32.
func (m *murmur2) Sum(b []byte) []byte {
	s := m.Sum32()
	return append(b, byte(s>>24), byte(s>>16), byte(s>>8), byte(s))
}

// Size implements hash.Hash32.
func (*murmur2) Size() int { return 4 }

// BlockSize implements hash.Hash32.
func (*murmur2) BlockSize() int { return 4 }

// silent drops goka's log; what ends a processor is its error.
type silent struct{}

func (silent) Print(...any)          {}
func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}
