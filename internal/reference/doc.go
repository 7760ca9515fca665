// Package reference is the standard profile written a second time, slowly and obviously, from
// docs/venues/standard.md alone: what the fast fold must agree with, to the last digit.
//
// Every comment "§ n" cites a section of that page; read them side by side. Amounts, prices, sizes
// and rates are exact decimals in natural units (not in units of a scale), so K of the page is 1
// here; round and quotient are the only places where digits are dropped. Nothing is cached or
// bounded: each event works on a copy of the whole state, every pool of the venue is then valued
// and judged anew, and the copy replaces the state unless the event turned out to be a dead letter.
package reference
