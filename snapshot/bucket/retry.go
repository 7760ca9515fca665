package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"marginledger/snapshot"
)

// permanent marks an error that another attempt would meet again.
type permanent struct{ error }

// Unwrap returns the error.
func (p permanent) Unwrap() error { return p.error }

// again calls f until it succeeds, has failed too often, or fails for good. An attempt that got further counts as the
// first.
func (b *Bucket) again(ctx context.Context, what string, f func() (further bool, err error)) error {
	pause := b.pause
	for attempt := 1; ; attempt++ {
		further, err := f()
		if err == nil {
			return nil
		}
		if further {
			attempt, pause = 1, b.pause
		}
		final := isFinal(err)
		if ctx.Err() != nil || final || attempt == attempts {
			tried := ""
			if !final && attempt > 1 {
				tried = fmt.Sprintf(" (tried %d times)", attempt)
			}
			return fmt.Errorf("%s in %v%s: %w", what, b, tried, named(err))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, longestTry)
	}
}

// named gives errors the names that callers look for.
func named(err error) error {
	switch minio.ToErrorResponse(err).Code {
	case minio.NoSuchKey:
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case minio.PreconditionFailed:
		return fmt.Errorf("%w: it was changed while it was read: %w", snapshot.ErrBad, err)
	}
	return err
}

// isFinal says whether another attempt would be pointless: the server has understood, and refused.
func isFinal(err error) bool {
	var p permanent
	if errors.As(err, &p) || errors.Is(err, snapshot.ErrBad) {
		return true
	}
	r := minio.ToErrorResponse(err)
	switch r.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	return r.StatusCode >= 400 && r.StatusCode < 500
}

// transport gives up connections on which nothing moves: a request has no deadline, as it may be large.
func transport() *http.Transport {
	dialer := &net.Dialer{Timeout: stallAfter / 3, KeepAlive: stallAfter / 2}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &watched{c}, nil
		},
		TLSHandshakeTimeout: stallAfter / 3, ExpectContinueTimeout: time.Second, IdleConnTimeout: stallAfter,
		MaxIdleConnsPerHost: 4, DisableCompression: true,
	}
}

// watched is a connection that ends when nothing moves on it in either direction.
type watched struct{ net.Conn }

// Read implements net.Conn.
func (c *watched) Read(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(stallAfter)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write implements net.Conn. It also puts off the deadline of a read that waits for the answer.
func (c *watched) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(stallAfter)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
