package main

import (
	"os"
	"strings"

	"marginledger/internal/audit"
	"marginledger/snapshot/sumtree"
)

// keyVariable is the environment's name of the audit key, as the configuration has it.
const keyVariable = "MARGINLEDGER_SNAPSHOTS_AUDIT_KEY"

// audited says with which key roots are made.
type audited struct {
	KeyFile string `help:"File with the audit key, hex. Default: the configuration's, or $MARGINLEDGER_SNAPSHOTS_AUDIT_KEY." type:"existingfile" placeholder:"FILE"`
}

// find gives the past the key, if there is one.
func (cmd *audited) find(p *audit.Past) error {
	text := os.Getenv(keyVariable)
	if cmd.KeyFile != "" {
		b, err := os.ReadFile(cmd.KeyFile)
		if err != nil {
			return err
		}
		text = strings.TrimSpace(string(b))
	} else if p.Config.Snapshots.Key != nil || text == "" {
		return nil
	}
	key, err := sumtree.ParseKey(text)
	if err != nil {
		return err
	}
	p.Config.Snapshots.Key = key
	return nil
}
