package runner

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// process is an engine's process. Its lines are its standard output's, or of the ledger its log's.
type process struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string // closed when there are no more
}

// patience is how long anything here may take.
const patience = 15 * time.Minute

// start starts a command; what it says on the stream that lines do not come from goes to standard error.
func start(name string, command []string, fromLog bool, env ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(command[0], command[1:]...), lines: make(chan string, 1024)}
	p.cmd.Env = append(os.Environ(), env...)
	var from io.ReadCloser
	var errs [2]error
	if fromLog {
		from, errs[0] = p.cmd.StderrPipe()
	} else {
		p.cmd.Stderr = os.Stderr
		from, errs[0] = p.cmd.StdoutPipe()
	}
	p.stdin, errs[1] = p.cmd.StdinPipe()
	if err := errors.Join(errs[0], errs[1], p.cmd.Start()); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(from); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	return p, nil
}

// await returns the first of some texts that a line of the process contains, and fails when it says that it failed, or
// nothing more.
func (p *process) await(ctx context.Context, texts ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		select {
		case line, more := <-p.lines:
			switch {
			case !more:
				return "", fmt.Errorf("%s ended while %q was awaited", p.name, texts)
			case strings.HasPrefix(line, "failed "), strings.Contains(line, `"level":"error"`):
				return "", fmt.Errorf("%s: %s", p.name, line)
			}
			for _, text := range texts {
				if strings.Contains(line, text) {
					return text, nil
				}
			}
		case <-ctx.Done():
			return "", fmt.Errorf("wait until %s says %q: %w", p.name, texts, ctx.Err())
		}
	}
}

// failure returns what the process has said that is a failure; it does not wait.
func (p *process) failure() error {
	for {
		select {
		case line, more := <-p.lines:
			if !more {
				return fmt.Errorf("%s has ended", p.name)
			}
			if strings.HasPrefix(line, "failed ") {
				return fmt.Errorf("%s: %s", p.name, line)
			}
		default:
			return nil
		}
	}
}

func (p *process) tell(line string) error {
	if _, err := fmt.Fprintln(p.stdin, line); err != nil {
		return fmt.Errorf("tell %s: %w", p.name, err)
	}
	return nil
}

// end ends the process in order: a child by the end of its input, the ledger by an interrupt.
func (p *process) end(signal os.Signal) error {
	p.stdin.Close()
	if signal != nil {
		if err := p.cmd.Process.Signal(signal); err != nil {
			return fmt.Errorf("stop %s: %w", p.name, err)
		}
	}
	for range p.lines { // the pipe must be read to its end before Wait
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// kill ends the process, whatever it does. It is this runner's own child.
func (p *process) kill() {
	p.cmd.Process.Kill() //nolint:errcheck // it fails where the process has ended, which is what is wanted
	for range p.lines {
	}
	p.cmd.Wait() //nolint:errcheck // likewise
}

// ticksPerSecond is what Linux counts CPU time in where it tells of it, on every architecture that this runs on.
const ticksPerSecond = 100

// cpuOf returns the CPU time that a process has used, all its threads together, to a hundredth of a second.
func cpuOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("CPU time of a process (Linux only): %w", err)
	}
	// The name, in parentheses, may hold anything. utime and stime are fields 14 and 15, the first behind it is 3.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var sum int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticksPerSecond, nil
}

// clock is wall and CPU time at one moment.
type clock struct {
	wall time.Time
	cpu  time.Duration
}

func (p *process) clock() (clock, error) {
	cpu, err := cpuOf(p.cmd.Process.Pid)
	return clock{time.Now(), cpu}, err
}
