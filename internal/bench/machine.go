package bench

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Machine is what the figures were measured on.
type Machine struct {
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	MemoryMB int    `json:"memory_mb,omitempty"`
	OS       string `json:"os"`
	Go       string `json:"go"`
	Load     string `json:"load,omitempty"` // averages over 1, 5 and 15 minutes before the run: above a few tenths, figures are noise
}

// String is the machine in one line.
func (m Machine) String() string {
	s := fmt.Sprintf("%s, %d cores, %d MB, %s, %s", m.CPU, m.Cores, m.MemoryMB, m.OS, m.Go)
	if m.Load != "" {
		s += ", load before " + m.Load
	}
	return s
}

// thisMachine asks Linux; elsewhere less is known.
func thisMachine() Machine {
	m := Machine{CPU: "unknown CPU", Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	if name := procField("/proc/cpuinfo", "model name"); name != "" {
		m.CPU = name
	}
	if kb, err := strconv.Atoi(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB")); err == nil {
		m.MemoryMB = kb >> 10
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(text))[:3], " ")
	}
	return m
}

// procField returns the value of the first line "name: value" of a file; "" where there is none.
func procField(path, name string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// residentMB returns the resident memory of a process; false where the system does not say.
func residentMB(pid int) (float64, bool) {
	kb, err := strconv.Atoi(strings.TrimSuffix(procField(fmt.Sprintf("/proc/%d/status", pid), "VmRSS"), " kB"))
	return float64(kb) / 1024, err == nil
}
