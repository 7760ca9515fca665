// Package formats holds the pages of the formats for programs that name fields by them.
package formats

import _ "embed"

// Rows is the page of the rows: its tables say which fields a row has, in which order.
//
//go:embed rows.md
var Rows string
