//go:build !unix

package bench

import "time"

var begun = time.Now()

// cpuTime returns wall time where the system does not tell the process's CPU time in the same way.
func cpuTime() time.Duration { return time.Since(begun) }
