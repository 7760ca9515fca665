package eventlog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Config says how to reach a cluster. Only Brokers is required.
type Config struct {
	Brokers        []string      // host:port of some brokers; the others are found through them
	ClientID       string        // shown in the brokers' logs and quotas; default "marginledger"
	TLS            *tls.Config   // nil: plain text
	SASL           *SASL         // nil: no authentication
	RequestTimeout time.Duration // for one request to one broker; default 10 s

	// UnknownTopicWait is how long a topic may be unknown before that is an error; brokers learn of a new topic one
	// after another. Default 5 s.
	UnknownTopicWait time.Duration
}

// SASL is how the client proves who it is.
type SASL struct {
	Mechanism string // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	User      string
	Password  string
}

// mechanism returns what kafka-go wants for it.
func (s *SASL) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "PLAIN":
		return plain.Mechanism{Username: s.User, Password: s.Password}, nil
	case "SCRAM-SHA-256":
		return scram.Mechanism(scram.SHA256, s.User, s.Password)
	case "SCRAM-SHA-512":
		return scram.Mechanism(scram.SHA512, s.User, s.Password)
	}
	return nil, fmt.Errorf("sasl mechanism %q: want PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", s.Mechanism)
}

// Client talks to one cluster. It is safe for concurrent use.
type Client struct {
	cfg       Config
	addr      net.Addr
	transport *kafka.Transport
	stop      context.CancelFunc

	answered atomic.Bool // some request has succeeded: address, TLS and SASL are right
	routes   routes
}

// Open makes a client. It does not connect: a cluster that is away shows in the first request.
func Open(cfg Config) (*Client, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("open kafka client: no brokers given")
	}
	if cfg.ClientID == "" {
		cfg.ClientID = "marginledger"
	}
	if cfg.RequestTimeout <= 0 {
		cfg.RequestTimeout = 10 * time.Second
	}
	if cfg.UnknownTopicWait <= 0 {
		cfg.UnknownTopicWait = 5 * time.Second
	}
	var mechanism sasl.Mechanism
	if cfg.SASL != nil {
		var err error
		if mechanism, err = cfg.SASL.mechanism(); err != nil {
			return nil, fmt.Errorf("open kafka client: %w", err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &Client{
		cfg:  cfg,
		addr: kafka.TCP(cfg.Brokers...),
		stop: stop,
		transport: &kafka.Transport{
			ClientID:    cfg.ClientID,
			TLS:         cfg.TLS,
			SASL:        mechanism,
			DialTimeout: min(cfg.RequestTimeout, 3*time.Second),
			Context:     ctx,
			// The transport is asked for the list of brokers only (no topics): leaders are ours to know, see routes.
			MetadataTTL:    time.Second,
			MetadataTopics: []string{},
		},
	}
	return c, nil
}

// Close ends the client's connections. Requests under way fail.
func (c *Client) Close() {
	c.stop()
	c.transport.CloseIdleConnections()
}

// Where a request goes, besides a node's id.
const (
	anyNode        int32 = -1
	controllerNode int32 = -2
)

// exchange is one request with its destination. It goes through kafka-go's Transport as a raw exchange: the transport
// gives an authenticated connection to the node, and writing and reading happen here. So the transport's own ideas
// about routing, caching of metadata, and waiting after a creation do not apply.
type exchange struct {
	req        protocol.Message
	node       int32
	maxVersion int16 // -1: the newest that both sides know
	clientID   string
	version    int16 // negotiated on the connection that was picked
}

// reply wraps an answer so that the transport sees none of the types it acts upon.
type reply struct{ protocol.Message }

func (e *exchange) ApiKey() protocol.ApiKey { return e.req.ApiKey() }

// Broker picks the node among those that the transport knows.
func (e *exchange) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	id := e.node
	switch id {
	case anyNode:
		return protocol.Broker{ID: -1}, nil
	case controllerNode:
		id = cluster.Controller
	}
	if b, ok := cluster.Brokers[id]; ok {
		return b, nil
	}
	return protocol.Broker{}, kafka.BrokerNotAvailable
}

func (e *exchange) Required(versions map[protocol.ApiKey]int16) bool {
	e.version = versions[e.req.ApiKey()]
	if e.maxVersion >= 0 {
		e.version = min(e.version, e.maxVersion)
	}
	return true
}

func (e *exchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	const correlation = 1 // One request at a time on a connection.
	if err := protocol.WriteRequest(rw, e.version, correlation, e.clientID, e.req); err != nil {
		return nil, err
	}
	id, msg, err := protocol.ReadResponse(rw, e.req.ApiKey(), e.version)
	if err != nil {
		return nil, err
	}
	if id != correlation {
		return nil, fmt.Errorf("answer to request %d, expected %d", id, correlation)
	}
	return reply{msg}, nil
}

// send makes one request to one node, without retry. extra is added to the deadline, for requests that the broker may
// answer late on purpose.
func (c *Client) send(ctx context.Context, node int32, req protocol.Message, maxVersion int16, extra time.Duration) (protocol.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout+extra)
	defer cancel()
	res, err := c.transport.RoundTrip(ctx, c.addr, &exchange{
		req: req, node: node, maxVersion: maxVersion, clientID: c.cfg.ClientID,
	})
	if errors.Is(err, io.ErrUnexpectedEOF) && !c.answered.Load() {
		// Some brokers just hang up on a wrong password, and all do on plain text where they want TLS.
		err = fmt.Errorf("the broker closed the connection (are TLS and SASL as it wants them?): %w", err)
	}
	if err != nil {
		return nil, err
	}
	c.answered.Store(true)
	return res.(reply).Message, nil
}

// latest is for requests whose every version is understood.
const latest int16 = -1

// ask is send with the answer's type.
func ask[R protocol.Message](ctx context.Context, c *Client, node int32, req protocol.Message, maxVersion int16) (R, error) {
	var none R
	m, err := c.send(ctx, node, req, maxVersion, 0)
	if err != nil {
		return none, err
	}
	r, ok := m.(R)
	if !ok {
		return none, fmt.Errorf("answer of type %T, expected %T", m, none)
	}
	return r, nil
}

// backoff waits between attempts: 10 ms, doubling to a quarter of a second, with a random quarter on top.
type backoff struct{ next time.Duration }

// wait returns the context's error if it ends first.
func (b *backoff) wait(ctx context.Context) error {
	if b.next == 0 {
		b.next = 10 * time.Millisecond
	}
	d := b.next + rand.N(b.next/4)
	b.next = min(2*b.next, 250*time.Millisecond)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// retry calls f until it succeeds, fails for good, or the context ends; then the last error comes with the context's.
func retry(ctx context.Context, f func() error) error {
	var b backoff
	for {
		err := f()
		if err == nil || !retriable(err) {
			return err
		}
		if b.wait(ctx) != nil {
			return errors.Join(ctx.Err(), err)
		}
	}
}

// topicPartition names one partition.
type topicPartition struct {
	topic     string
	partition int32
}

func (tp topicPartition) String() string { return fmt.Sprintf("%s/%d", tp.topic, tp.partition) }
