package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// Pprof returns the handler of the profiling address. It is separate: profiles tell secrets.
func Pprof() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// Serve answers on l until the context ends, then finishes the requests under way.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop HTTP on %s: %w", l.Addr(), err)
	}
	return srv.Close() // a profile that runs on, a client that never reads
}

// measure counts requests by operation and status, and times them.
func measure(registry *prometheus.Registry) func(huma.Context, func(huma.Context)) {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ledger_http_requests_total", Help: "Requests answered, by operation and status.",
	}, []string{"operation", "status"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "ledger_http_request_seconds", Help: "Time to answer a request.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
	}, []string{"operation"})
	registry.MustRegister(requests, seconds)
	return func(ctx huma.Context, next func(huma.Context)) {
		begin := time.Now()
		next(ctx)
		id := ctx.Operation().OperationID
		requests.WithLabelValues(id, strconv.Itoa(ctx.Status())).Inc()
		seconds.WithLabelValues(id).Observe(time.Since(begin).Seconds())
	}
}
