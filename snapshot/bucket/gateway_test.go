package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3response"
)

// The tests run on a real S3 server in this process: the Versity gateway, on a directory.
const (
	accessKey, secretKey = "test-access", "test-secret-key"
	testBucket           = "snapshots"
)

var (
	gatewayAddr string
	gatewayRoot string
	gatewayDisk *disk
)

// disk is the gateway's backend, with as much room as a test allows.
type disk struct {
	backend.Backend
	left atomic.Int64 // bytes; negative: no limit
}

// limited fails as a write does on a full disk, once the room is used up.
type limited struct {
	r io.Reader
	d *disk
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.d.left.Load() >= 0 && l.d.left.Add(-int64(n)) < 0 {
		l.d.left.Store(0)
		return 0, syscall.ENOSPC
	}
	return n, err
}

func (d *disk) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	in.Body = &limited{in.Body, d}
	return d.Backend.PutObject(ctx, in)
}

func (d *disk) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	in.Body = &limited{in.Body, d}
	return d.Backend.UploadPart(ctx, in)
}

func TestMain(m *testing.M) {
	code, err := withGateway(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "S3 server:", err)
		code = 1
	}
	os.Exit(code)
}

func withGateway(run func() int) (code int, err error) {
	dir, err := os.MkdirTemp("", "s3-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	gatewayRoot = filepath.Join(dir, "root")
	for _, d := range []string{filepath.Join(gatewayRoot, testBucket), filepath.Join(dir, "meta")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return 0, err
		}
	}
	side, err := meta.NewSideCar(filepath.Join(dir, "meta"))
	if err != nil {
		return 0, err
	}
	files, err := posix.New(gatewayRoot, side, posix.PosixOpts{SideCarDir: filepath.Join(dir, "meta")})
	if err != nil {
		return 0, err
	}
	gatewayDisk = &disk{Backend: files}
	gatewayDisk.left.Store(-1)
	if gatewayAddr, err = freeAddr(); err != nil {
		return 0, err
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- embedgw.RunVersityGW(ctx, gatewayDisk, &embedgw.Config{RootUserAccess: accessKey, RootUserSecret: secretKey,
			Ports: []string{gatewayAddr}, MaxConnections: 1000, MaxRequests: 1000, MultipartMaxParts: 10000, Quiet: true, KeepAlive: true})
	}()
	defer func() {
		stop()
		if e := <-ended; e != nil && !errors.Is(e, context.Canceled) {
			err = errors.Join(err, e)
		}
	}()
	for {
		c, dialErr := net.Dial("tcp", gatewayAddr)
		if dialErr == nil {
			c.Close()
			return run(), nil
		}
		select {
		case err := <-ended:
			ended <- nil
			return 0, errors.Join(errors.New("it has ended"), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// cutter is a proxy in front of the gateway that cuts connections, whatever is under way on them, after so many bytes.
type cutter struct {
	l     net.Listener
	after func() int64 // bytes until the next cut, asked for per connection; negative: never
	cuts  atomic.Int64
	conns sync.WaitGroup
	ended chan struct{}
}

func newCutter(t *testing.T, after func() int64) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{l: l, after: after, ended: make(chan struct{})}
	c.conns.Go(c.serve)
	t.Cleanup(func() {
		l.Close()
		close(c.ended)
		c.conns.Wait()
	})
	return c
}

func (c *cutter) serve() {
	for {
		in, err := c.l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", gatewayAddr)
		if err != nil {
			in.Close()
			continue
		}
		left := c.after()
		once := sync.OnceFunc(func() { in.Close(); out.Close() })
		cut := &atomic.Int64{}
		cut.Store(left)
		pipe := func(to, from net.Conn) {
			defer once()
			b := make([]byte, 32<<10)
			for {
				n, err := from.Read(b)
				if left >= 0 && cut.Add(-int64(n)) < 0 {
					c.cuts.Add(1)
					return
				}
				if _, werr := to.Write(b[:n]); err != nil || werr != nil {
					return
				}
			}
		}
		closed := make(chan struct{})
		c.conns.Go(func() { defer close(closed); pipe(out, in) })
		c.conns.Go(func() { pipe(in, out) })
		c.conns.Go(func() {
			select {
			case <-c.ended: // a connection that is kept open for later
				once()
			case <-closed:
			}
		})
	}
}
