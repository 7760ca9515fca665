// Package auditbench measures what audits promise in figures: how fast a past is verified, and how soon an account's statement
// and the state at a moment are there. It makes up a day of an exchange and archives it; docs/performance.md has the figures.
package auditbench
