package eventlog

import "testing"

// Twin is a producer with the same id and epoch that knows nothing of what this one wrote.
func (p *Producer) Twin() *Producer {
	return &Producer{client: p.client, id: p.id, epoch: p.epoch, partitions: make(map[topicPartition]*producerPartition)}
}

// Forget sets a partition's sequence back to 0.
func (p *Producer) Forget(topic string, partition int32) {
	p.partition(topicPartition{topic, partition}).sequence = 0
}

// SkipSequence leaves a gap of n.
func (p *Producer) SkipSequence(topic string, partition, n int32) {
	p.partition(topicPartition{topic, partition}).sequence += n
}

// EncodeBatch encodes a batch without a producer.
func EncodeBatch(t testing.TB, recs []ProduceRecord) []byte {
	t.Helper()
	b, err := appendBatch(nil, recs, producerState{id: -1, epoch: -1, sequence: -1}, None)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
