// Package demo runs a made-up exchange day, an embedded Kafka and the ledger together: for a
// newcomer to watch, and for anyone to check.
//
// A directory of the demo holds two things: broker/ (topics) and ledger/ (Pebble). The broker is a
// child process. Everything that is checked is checked against what lies there, never against what
// the running demo remembers.
package demo
