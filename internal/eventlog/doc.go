// Package eventlog is the ledger's way to Kafka: it reads partitions, appends to them, and shares shards out.
//
// It is the only package that imports kafka-go, and it uses that library for what it does well (dialing, TLS,
// SASL, API versions, message layouts) and for nothing else. What is done here instead, and why:
//
//   - Reading. Record batches are fetched raw and decoded here: the checksum is verified, control batches and
//     aborted transactions are left out, and an offset that the broker no longer has is an error, never a jump.
//   - Appending. Batches are encoded here, so producer id, epoch and sequence are ours: a lost acknowledgement
//     is asked for again with the same sequence, and a deposed owner is refused.
//   - Routing. Leaders and coordinators are looked up when a broker says that they moved, not when a timer runs out.
//   - Groups. Membership tells a process which shards are its own. It protects nothing: fencing does.
//
// # Errors
//
// Retries live here. What the cluster may get over (a leader that moves, a connection that breaks, a broker that is
// away) is tried again until the context ends. What it will not get over is returned, typed: [OutOfRangeError],
// [UnknownTopicError], [CorruptBatchError], [TooLargeError], [ErrFenced], [ErrOutOfOrder], [ErrOutcomeUnknown].
package eventlog
