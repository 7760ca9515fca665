// Package eventspb holds the Go types that protoc-gen-go makes from the protobuf schema of events:
// for producers who like them, and for the tests, which hold the ledger's own decoder against them.
// The ledger itself decodes with package events.
//
// baseline.binpb is the schema of the last release, as buf builds it: what a change must not break.
package eventspb
