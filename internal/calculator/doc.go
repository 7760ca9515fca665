// Package calculator answers what the margin of a portfolio is, and what it would be after a change.
//
// It has no rules of its own. A portfolio, a JSON document, is translated into the facts that would
// have made it; they are applied to an empty shard of package projector, and what the shard says of the
// account is the answer. A change is one more fact.
//
// docs/formats/margin.md describes both documents.
package calculator
