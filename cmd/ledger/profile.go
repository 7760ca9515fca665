package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profileEnv names a directory into which every process of the command writes a CPU profile when it
// ends, also the broker that the demo starts: cpu-<process>.pprof.
const profileEnv = "MARGINLEDGER_CPU_PROFILE"

// profiled runs f, under a CPU profile where the environment asks for one.
func profiled(f func() error) error {
	dir := os.Getenv(profileEnv)
	if dir == "" {
		return f()
	}
	file, err := os.Create(filepath.Join(dir, fmt.Sprintf("cpu-%d.pprof", os.Getpid())))
	if err != nil {
		return fmt.Errorf("%s: %w", profileEnv, err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", profileEnv, err), file.Close())
	}
	err = f()
	pprof.StopCPUProfile()
	return errors.Join(err, file.Close())
}
