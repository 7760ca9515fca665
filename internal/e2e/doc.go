// Package e2e tests the product as it is run: real `ledger` processes on a Kafka, with the demo exchange against them,
// killed, stopped, paused, and left without a broker.
//
// The suite runs on the embedded broker, and with MARGINLEDGER_KAFKA=host:port on a real one (`make test-kafka`). Each
// test has topics, group and directories of its own. What must hold is checked at the end of every test, against what
// lies in Kafka and on disk alone: see [world.audit].
//
//	MARGINLEDGER_KILLS=50     how often TestKillNine kills a process (default 8); `long` means 60
//	MARGINLEDGER_SEED=17      its seed: which process, when, and what then (default: the time)
//
// Kills come at instants of the clock, so a seed repeats the plan, not the interleaving.
package e2e
