package pipeline

import (
	"runtime/debug"
	"sync"
)

// loadingGCPercent is the garbage, in percent of what is live, at which the process collects while a state is loaded.
const loadingGCPercent = 1000

// loads counts the states that are being loaded in this process.
var loads struct {
	mu     sync.Mutex
	n      int
	before int // the percentage to go back to
}

// collectLess has garbage collected less often until the function that it returns is called. While a state is loaded
// nearly everything that is allocated stays: each collection would walk all of it and find little, and the heap would
// be no smaller in the end. A memory limit of the runtime still holds.
func collectLess() (undo func()) {
	loads.mu.Lock()
	defer loads.mu.Unlock()
	if loads.n++; loads.n == 1 {
		loads.before = debug.SetGCPercent(loadingGCPercent)
		if loads.before < 0 || loads.before > loadingGCPercent { // it was off, or collects less already
			debug.SetGCPercent(loads.before)
		}
	}
	return sync.OnceFunc(func() {
		loads.mu.Lock()
		defer loads.mu.Unlock()
		if loads.n--; loads.n == 0 {
			debug.SetGCPercent(loads.before)
		}
	})
}
