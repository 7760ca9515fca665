package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"marginledger/internal/broker"
)

// BrokerChild is the demo's Kafka in a process of its own, so that the ledger's memory and CPU
// time are the ledger's.
type BrokerChild struct {
	Addr string // host:port

	cmd   *exec.Cmd
	stdin io.Closer     // its end is what ends the child, also when this process is killed
	ended chan struct{} // closed when the child has ended, with
	err   error         // how
}

// StartBroker starts the broker on a data directory: command with "--dir dir" appended, by default
// this executable's hidden sub-command. It returns when the broker listens.
func StartBroker(ctx context.Context, command []string, dir string) (*BrokerChild, error) {
	if len(command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("start broker process: %w", err)
		}
		command = []string{self, "demo", "broker"}
	}
	args := append(append([]string{}, command[1:]...), "--dir", dir)
	cmd := exec.Command(command[0], args...) // not CommandContext: it ends in order, after the ledger
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start broker process: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start broker process: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start broker process: %w", err)
	}
	b := &BrokerChild{cmd: cmd, stdin: stdin, ended: make(chan struct{})}
	stop := context.AfterFunc(ctx, func() { stdin.Close() }) // while it starts only
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if !stop() {
		err = ctx.Err()
	}
	go func() {
		b.err = cmd.Wait() // it writes nothing more to stdout
		close(b.ended)
	}()
	if err != nil {
		b.Close() //nolint:errcheck // the child has said why on stderr
		return nil, fmt.Errorf("start broker process: it ended before it listened: %w", err)
	}
	b.Addr = strings.TrimSpace(line)
	return b, nil
}

// Ended is closed when the process has ended.
func (b *BrokerChild) Ended() <-chan struct{} { return b.ended }

// Close ends the broker in order and waits for it.
func (b *BrokerChild) Close() error {
	b.stdin.Close()                                                          //nolint:errcheck // it may have ended by itself
	timer := time.AfterFunc(30*time.Second, func() { b.cmd.Process.Kill() }) // it is ours, and it hangs
	defer timer.Stop()
	<-b.ended
	if b.err != nil {
		return fmt.Errorf("broker process: %w", b.err)
	}
	return nil
}

// ServeBroker is the child's side: it runs the broker, prints its address, and ends when stdin
// does. Ctrl-C reaches every process of a terminal; here it is ignored, as the parent still writes.
func ServeBroker(ctx context.Context, dir string, stdin io.Reader, stdout io.Writer) error {
	signal.Ignore(os.Interrupt)
	b, err := broker.Start(broker.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer b.Close()
	if len(b.Addrs()) == 0 {
		return errors.New("start embedded broker: it listens nowhere")
	}
	if _, err := fmt.Fprintln(stdout, b.Addrs()[0]); err != nil {
		return fmt.Errorf("tell the broker's address: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		io.Copy(io.Discard, stdin) //nolint:errcheck // any end of the pipe is the end of the parent
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return nil
}
