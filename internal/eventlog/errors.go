package eventlog

import (
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

var (
	// ErrFenced means that a producer with the same transactional id and a newer epoch exists: this process has been
	// deposed and must not write again.
	ErrFenced = errors.New("fenced: a newer epoch of this producer exists")

	// ErrOutOfOrder means that the broker's sequence for this producer and partition is not ours: something was lost
	// on the broker, or somebody else writes under this producer id. Nothing was appended.
	ErrOutOfOrder = errors.New("the broker refused the sequence number")

	// ErrOutcomeUnknown means that a batch may or may not have been appended, because the caller's context ended
	// before an answer came. The producer writes nothing more to that partition: read the log, or take a new epoch.
	ErrOutcomeUnknown = errors.New("unknown whether the batch was appended")

	// ErrStaleAck means that the broker acknowledged a batch at an offset at or below one it had already given to an
	// earlier batch of the same producer: it took the batch for a repetition and dropped it.
	ErrStaleAck = errors.New("acknowledged at an offset that an earlier batch already has")

	// ErrCorruption marks every error that says the data itself is wrong: a person has to look. It survives wrapping.
	ErrCorruption = errors.New("corruption")

	// ErrTopicExists means that a topic to be created is there already.
	ErrTopicExists = errors.New("topic exists already")

	// ErrStaleGeneration means that an offset commit came from a member that is no longer in the group's generation.
	ErrStaleGeneration = errors.New("not in the group's current generation")

	// ErrClosed means that the object was closed by its owner.
	ErrClosed = errors.New("closed")
)

// OutOfRangeError says that the log does not have the wanted offset: it was trimmed, or the topic is another one.
type OutOfRangeError struct {
	Topic     string
	Partition int32
	Offset    int64 // what was asked for
	LogStart  int64 // the oldest offset that the broker has
	LogEnd    int64 // one past the newest stable offset
}

func (e *OutOfRangeError) Error() string {
	if e.Offset < e.LogStart {
		return fmt.Sprintf("%s/%d: offset %d is gone: the log now begins at %d (retention or deleted records); end %d",
			e.Topic, e.Partition, e.Offset, e.LogStart, e.LogEnd)
	}
	return fmt.Sprintf("%s/%d: offset %d is past the end of the log, %d (a recreated topic or lost records); begin %d",
		e.Topic, e.Partition, e.Offset, e.LogEnd, e.LogStart)
}

// UnknownTopicError says that the cluster does not have the topic or the partition.
type UnknownTopicError struct {
	Topic     string
	Partition int32 // -1: the whole topic
}

func (e *UnknownTopicError) Error() string {
	if e.Partition < 0 {
		return fmt.Sprintf("the cluster has no topic %q", e.Topic)
	}
	return fmt.Sprintf("the cluster has no partition %s/%d", e.Topic, e.Partition)
}

// CorruptBatchError says that a stored record batch is damaged or is not what its header says.
type CorruptBatchError struct {
	Topic     string
	Partition int32
	Offset    int64 // base offset that the batch claims, or the offset asked for
	Reason    string
}

func (e *CorruptBatchError) Error() string {
	return fmt.Sprintf("%s/%d: corrupt record batch at offset %d: %s", e.Topic, e.Partition, e.Offset, e.Reason)
}

// Is makes errors.Is(err, ErrCorruption) true.
func (e *CorruptBatchError) Is(target error) bool { return target == ErrCorruption }

// TooLargeError says that a batch exceeds a limit: the broker's when producing, [MaxBatchBytes] when fetching.
type TooLargeError struct {
	Topic     string
	Partition int32
	Offset    int64 // base offset when fetching, -1 when producing
	Bytes     int   // encoded size when producing; the limit when fetching
}

func (e *TooLargeError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("%s/%d: a batch of %d bytes is larger than the topic accepts (max.message.bytes)",
			e.Topic, e.Partition, e.Bytes)
	}
	return fmt.Sprintf("%s/%d: the batch at offset %d unpacks to more than %d bytes or %d records",
		e.Topic, e.Partition, e.Offset, e.Bytes, MaxBatchRecords)
}

// codeError turns a Kafka error code into an error; nil for 0.
func codeError(code int16) error {
	if code == 0 {
		return nil
	}
	return kafka.Error(code)
}

// retriable says whether the cluster may get over the error by itself. Everything that is not an answer of a broker
// (a broken connection, a deadline, an unknown node) is, but for this package's own errors.
func retriable(err error) bool {
	var (
		outOfRange *OutOfRangeError
		unknown    *UnknownTopicError
		corrupt    *CorruptBatchError
		tooLarge   *TooLargeError
		code       kafka.Error
	)
	switch {
	case errors.As(err, &outOfRange), errors.As(err, &unknown), errors.As(err, &corrupt), errors.As(err, &tooLarge),
		errors.Is(err, ErrFenced), errors.Is(err, ErrOutOfOrder):
		return false
	case !errors.As(err, &code):
		return true
	}
	switch code {
	case kafka.LeaderNotAvailable, kafka.NotLeaderForPartition, kafka.RequestTimedOut, kafka.BrokerNotAvailable,
		kafka.ReplicaNotAvailable, kafka.NetworkException, kafka.GroupLoadInProgress,
		kafka.GroupCoordinatorNotAvailable, kafka.NotCoordinatorForGroup, kafka.NotEnoughReplicas,
		kafka.NotEnoughReplicasAfterAppend, kafka.NotController, kafka.ConcurrentTransactions,
		kafka.KafkaStorageError, kafka.FencedLeaderEpoch, kafka.UnknownLeaderEpoch, kafka.OffsetNotAvailable,
		kafka.ThrottlingQuotaExceeded, kafka.StaleControllerEpoch:
		return true
	}
	return false
}

// isUnknownTopic says whether the broker does not know the topic; right after a creation that passes.
func isUnknownTopic(err error) bool {
	var u *UnknownTopicError
	return errors.Is(err, kafka.UnknownTopicOrPartition) || errors.As(err, &u)
}
