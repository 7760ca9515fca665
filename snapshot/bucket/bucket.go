// Package bucket keeps snapshots in a bucket of S3 or of anything that speaks its protocol.
//
// A file is written to a local spool first and uploaded from there, so that a broken upload is tried again without the
// state being read again; it is downloaded to the spool, going on where a broken connection left it. An upload appears
// whole, as S3 objects do.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"marginledger/snapshot"
)

// Config says which bucket, and how to reach it.
type Config struct {
	Endpoint string // URL, such as https://s3.eu-central-1.amazonaws.com
	Region   string // "": the bucket's own, asked for
	Bucket   string
	Prefix   string // of all keys; a folder in it. Letters, digits, '/', '-', '_', '.'
	// AccessKey and SecretKey sign requests. Without them the environment (AWS_ACCESS_KEY_ID, …), the AWS credentials
	// file and the machine's role are asked, in this order.
	AccessKey, SecretKey string
	Spool                string // directory for files on their way; made if need be
}

// Bounds of requests. A request is attempted so many times; a download, and an upload of many parts, count anew whenever
// they have got further.
const (
	attempts    = 8
	firstPause  = 250 * time.Millisecond // doubles
	longestTry  = 8 * time.Second
	stallAfter  = time.Minute // without a byte in either direction
	partBytes   = 8 << 20     // of an upload
	maxGetBytes = 64 << 20
	staleAfter  = 24 * time.Hour // what crashes left is removed then
)

// Bucket is a snapshot.Store.
type Bucket struct {
	cfg    Config
	client minio.Core
	pause  time.Duration // before the second attempt; doubles
	create func() (spoolFile, error)
}

// spoolFile is a file of the spool.
type spoolFile interface {
	io.ReadWriteSeeker
	io.ReaderAt
	io.Closer
	Name() string
}

var _ snapshot.Store = (*Bucket)(nil)

// New checks the configuration; it does not connect.
func New(cfg Config) (*Bucket, error) {
	u, err := url.Parse(cfg.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the bucket's endpoint %q is no URL such as https://s3.eu-central-1.amazonaws.com", cfg.Endpoint)
	}
	if cfg.Bucket == "" {
		return nil, errors.New("no bucket is named")
	}
	if (cfg.AccessKey == "") != (cfg.SecretKey == "") {
		return nil, errors.New("a bucket's access key and secret key go together")
	}
	creds := credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, "")
	if cfg.AccessKey == "" {
		creds = credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{},
			&credentials.IAM{Client: &http.Client{Timeout: stallAfter}}})
	}
	core, err := minio.NewCore(u.Host, &minio.Options{Creds: creds, Secure: u.Scheme == "https", Region: cfg.Region,
		Transport: transport(), MaxRetries: 1}) // trying again is our business
	if err != nil {
		return nil, fmt.Errorf("the bucket %s at %s: %w", cfg.Bucket, cfg.Endpoint, err)
	}
	if cfg.Prefix = strings.Trim(cfg.Prefix, "/"); cfg.Prefix != "" {
		cfg.Prefix += "/"
	}
	b := &Bucket{cfg: cfg, client: *core, pause: firstPause}
	b.create = b.createTemp
	return b, nil
}

// String returns the place as a URL.
func (b *Bucket) String() string { return "s3://" + b.cfg.Bucket + "/" + b.cfg.Prefix }

func (b *Bucket) createTemp() (spoolFile, error) {
	if err := os.MkdirAll(b.cfg.Spool, 0o755); err != nil {
		return nil, fmt.Errorf("make the spool: %w", err)
	}
	snapshot.RemoveStale(b.cfg.Spool, time.Now().Add(-staleAfter))
	f, err := os.CreateTemp(b.cfg.Spool, snapshot.TempPattern)
	if err != nil {
		return nil, fmt.Errorf("make a file in the spool: %w", err)
	}
	return f, nil
}

// Put implements snapshot.Store.
func (b *Bucket) Put(ctx context.Context, write func(io.Writer) (string, error)) (err error) {
	f, err := b.create()
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // of no use to anybody once it is sent
	defer f.Close()
	name, err := write(f)
	if err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("read the spool: %w", err)
	}
	if size <= partBytes {
		return b.again(ctx, "upload "+name, func() (bool, error) {
			_, err := b.client.Client.PutObject(ctx, b.cfg.Bucket, b.cfg.Prefix+name, io.NewSectionReader(f, 0, size), size,
				minio.PutObjectOptions{ContentType: contentType(name), DisableMultipart: true})
			return false, err
		})
	}
	b.abortStale(ctx)
	return b.uploadParts(ctx, name, f, size)
}

func contentType(name string) string {
	if strings.HasSuffix(name, ".json") {
		return "application/json"
	}
	return "application/octet-stream"
}

// Get implements snapshot.Store.
func (b *Bucket) Get(ctx context.Context, name string) (content []byte, err error) {
	err = b.again(ctx, "download "+name, func() (bool, error) {
		body, _, _, err := b.client.GetObject(ctx, b.cfg.Bucket, b.cfg.Prefix+name, minio.GetObjectOptions{})
		if err != nil {
			return false, err
		}
		defer body.Close()
		content, err = io.ReadAll(io.LimitReader(body, maxGetBytes+1))
		if err == nil && len(content) > maxGetBytes {
			err = fmt.Errorf("%w: %s has more than %d bytes", snapshot.ErrBad, name, maxGetBytes)
		}
		return false, err
	})
	return content, err
}

// Fetch implements snapshot.Store.
func (b *Bucket) Fetch(ctx context.Context, name string) (path string, done func(), err error) {
	f, err := b.create()
	if err != nil {
		return "", nil, err
	}
	path = f.Name()
	if err = errors.Join(b.download(ctx, name, f), f.Close()); err != nil {
		os.Remove(path) //nolint:errcheck // the failure that matters is returned
		return "", nil, err
	}
	return path, func() { os.Remove(path) }, nil //nolint:errcheck // a temporary file
}

// download goes on where it was cut off, as long as the object is still the same.
func (b *Bucket) download(ctx context.Context, name string, to io.Writer) error {
	var have, size int64
	etag := ""
	return b.again(ctx, "download "+name, func() (further bool, err error) {
		var o minio.GetObjectOptions
		if have > 0 {
			if err := errors.Join(o.SetRange(have, 0), o.SetMatchETag(etag)); err != nil {
				return false, err
			}
		}
		body, info, _, err := b.client.GetObject(ctx, b.cfg.Bucket, b.cfg.Prefix+name, o)
		if err != nil {
			return false, err
		}
		defer body.Close()
		if have == 0 {
			etag, size = info.ETag, info.Size
		}
		sink := &sink{w: to}
		n, err := io.Copy(sink, body)
		have += n
		switch {
		case sink.err != nil:
			return false, permanent{fmt.Errorf("write the spool: %w", sink.err)}
		case err == nil && have < size:
			err = io.ErrUnexpectedEOF
		case err == nil && have > size:
			err = permanent{fmt.Errorf("%w: %s has %d bytes, expected %d", snapshot.ErrBad, name, have, size)}
		}
		return n > 0, err
	})
}

// sink tells failures of writing from those of reading.
type sink struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}

// Names implements snapshot.Store.
func (b *Bucket) Names(ctx context.Context, prefix string) (names []string, err error) {
	err = b.again(ctx, "list", func() (bool, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		names = nil
		for o := range b.client.Client.ListObjects(ctx, b.cfg.Bucket, minio.ListObjectsOptions{Prefix: b.cfg.Prefix + prefix}) {
			if o.Err != nil {
				return false, o.Err
			}
			if name := strings.TrimPrefix(o.Key, b.cfg.Prefix); !strings.HasSuffix(name, "/") {
				names = append(names, filepath.Base(name))
			}
		}
		slices.Sort(names)
		return false, ctx.Err()
	})
	return names, err
}

// Remove implements snapshot.Store.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	err := b.again(ctx, "remove "+name, func() (bool, error) {
		return false, b.client.Client.RemoveObject(ctx, b.cfg.Bucket, b.cfg.Prefix+name, minio.RemoveObjectOptions{})
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
