package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"marginledger/snapshot"
	"marginledger/snapshot/bucket"
	"marginledger/snapshot/sumtree"
)

// SnapshotDir returns the directory of snapshots: beside the data unless the configuration says otherwise.
func (c *Config) SnapshotDir() string {
	if c.Snapshots.Dir != "" {
		return c.Snapshots.Dir
	}
	return c.DataDir + "/snapshots"
}

// SnapshotStore returns where snapshots lie. It does not look.
func (c *Config) SnapshotStore() (snapshot.Store, error) {
	if c.Snapshots.Bucket == "" {
		return snapshot.Dir(c.SnapshotDir()), nil
	}
	return c.bucket(c.Snapshots.Bucket, c.Snapshots.Prefix)
}

// SnapshotStoreAt returns another place for snapshots: a directory, or s3://bucket/prefix on the configured server, with
// its keys.
func (c *Config) SnapshotStoreAt(location string) (snapshot.Store, error) {
	rest, ok := strings.CutPrefix(location, "s3://")
	if !ok {
		if location == "" {
			return nil, errors.New("no place is named: a directory, or s3://bucket/prefix")
		}
		return snapshot.Dir(location), nil
	}
	name, prefix, _ := strings.Cut(rest, "/")
	return c.bucket(name, prefix)
}

func (c *Config) bucket(name, prefix string) (snapshot.Store, error) {
	s := &c.Snapshots
	b, err := bucket.New(bucket.Config{Endpoint: s.Endpoint, Region: s.Region, Bucket: name, Prefix: prefix,
		AccessKey: s.AccessKey, SecretKey: s.SecretKey, Spool: filepath.Join(c.DataDir, "spool")})
	if err != nil {
		return nil, fmt.Errorf("snapshots.bucket: %w", err)
	}
	return b, nil
}

// AuditKey returns the key of the Merkle-sum roots, nil where there is none.
func (c *Config) AuditKey() (*sumtree.Key, error) {
	if c.Snapshots.AuditKey == "" {
		return nil, nil
	}
	key, err := sumtree.ParseKey(c.Snapshots.AuditKey)
	if err != nil {
		return nil, fmt.Errorf("snapshots.auditKey: %w", err)
	}
	return key, nil
}
