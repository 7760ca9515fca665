package e2e

import "syscall"

// dieWithParent leaves no process behind when the test itself is killed.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
