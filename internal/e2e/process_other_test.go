//go:build !linux

package e2e

import "syscall"

// dieWithParent cannot be asked for here.
func dieWithParent() *syscall.SysProcAttr { return nil }
