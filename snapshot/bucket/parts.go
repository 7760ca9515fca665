package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

// uploadParts uploads a large file part by part; a part that has arrived is not sent again. What fails is aborted, as
// far as the server can be reached: the rest is left to abortStale.
func (b *Bucket) uploadParts(ctx context.Context, name string, f io.ReaderAt, size int64) (err error) {
	key, id := b.cfg.Prefix+name, ""
	err = b.again(ctx, "begin to upload "+name, func() (_ bool, err error) {
		id, err = b.client.NewMultipartUpload(ctx, b.cfg.Bucket, key, minio.PutObjectOptions{ContentType: contentType(name)})
		return false, err
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stallAfter/10)
			defer cancel()
			if e := b.client.AbortMultipartUpload(ctx, b.cfg.Bucket, key, id); e != nil {
				err = errors.Join(err, fmt.Errorf("abort the upload: %w", e))
			}
		}
	}()
	var parts []minio.CompletePart
	for at := int64(0); at < size; at += partBytes {
		n, number := min(partBytes, size-at), len(parts)+1
		err := b.again(ctx, fmt.Sprintf("upload part %d of %s", number, name), func() (bool, error) {
			p, err := b.client.PutObjectPart(ctx, b.cfg.Bucket, key, id, number, io.NewSectionReader(f, at, n), n, minio.PutObjectPartOptions{})
			if err == nil {
				parts = append(parts, minio.CompletePart{PartNumber: number, ETag: p.ETag, ChecksumCRC32C: p.ChecksumCRC32C})
			}
			return false, err
		})
		if err != nil {
			return err
		}
	}
	tried := false
	return b.again(ctx, "complete the upload of "+name, func() (bool, error) {
		_, err := b.client.CompleteMultipartUpload(ctx, b.cfg.Bucket, key, id, parts, minio.PutObjectOptions{})
		if tried && minio.ToErrorResponse(err).Code == minio.NoSuchUpload {
			// It may have been completed, and only the answer was lost.
			if info, e := b.client.Client.StatObject(ctx, b.cfg.Bucket, key, minio.StatObjectOptions{}); e == nil && info.Size == size {
				err = nil
			}
		}
		tried = true
		return false, err
	})
}

// abortStale removes parts of uploads that a crash broke off: they cost money and are seen nowhere. Whatever goes wrong
// with that is no reason to fail.
func (b *Bucket) abortStale(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, stallAfter)
	defer cancel()
	for u := range b.client.ListIncompleteUploads(ctx, b.cfg.Bucket, b.cfg.Prefix, true) {
		if u.Err == nil && time.Since(u.Initiated) > staleAfter {
			_ = b.client.AbortMultipartUpload(ctx, b.cfg.Bucket, u.Key, u.UploadID)
		}
	}
}
