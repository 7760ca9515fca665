package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/snapshot"
)

// left is the verification of a shard that was left, as a file beside a snapshot of its last cut.
type left struct {
	Options  leftOptions   `json:"options"` // it is gone on with only if they are the same
	Done     bool          `json:"done"`    // the shard's report is whole
	Identity orderlog.Hash `json:"identity"`
	Report   *ShardReport  `json:"report"`
	Folded   [3]uint64     `json:"folded"`
}

type leftOptions struct {
	Where   string `json:"where"`
	FromCut uint64 `json:"fromCut"`
	ToCut   uint64 `json:"toCut"`
}

func (v *verifier) leftOptions() leftOptions {
	return leftOptions{v.past.Where, v.o.FromCut, v.o.ToCut}
}

func (v *verifier) leftPath(suffix string) string {
	return filepath.Join(v.o.Work, fmt.Sprintf("verify-%03d%s", v.shard, suffix))
}

// leave writes down how far the fold has come.
func (v *verifier) leave(ctx context.Context, r *pipeline.Refolded) error {
	if v.o.Work == "" || r.Head == nil {
		return context.Cause(ctx)
	}
	path := v.leftPath(".mlsnap")
	if err := writeSnapshot(path, &foldedState{r.Fold, r.Head}); err != nil {
		return err
	}
	f, err := snapshot.Open(path)
	if err != nil {
		return err
	}
	if err := v.write(&left{Identity: f.Identity}); err != nil {
		return err
	}
	return fmt.Errorf("%w: left behind cut %d of shard %d; the same command goes on there", context.Cause(ctx), r.Cut, v.shard)
}

// write writes the file.
func (v *verifier) write(l *left) error {
	l.Options, l.Report, l.Folded = v.leftOptions(), v.report, v.folded
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return os.WriteFile(v.leftPath(".json"), text, 0o644)
}

// keep keeps the report of a shard that is done, until all are.
func (v *verifier) keep() error {
	if v.o.Work == "" {
		return nil
	}
	if err := os.MkdirAll(v.o.Work, 0o755); err != nil {
		return err
	}
	return v.write(&left{Done: true})
}

// resume goes on with a verification that was left; false where there is none of these options.
func (v *verifier) resume() (bool, error) {
	if v.o.Work == "" {
		return false, nil
	}
	text, err := os.ReadFile(v.leftPath(".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var l left
	if err := json.Unmarshal(text, &l); err != nil {
		return false, fmt.Errorf("read %s: %w", v.leftPath(".json"), err)
	}
	if l.Options != v.leftOptions() || l.Report == nil {
		return false, usage("%s holds another verification: use another directory", v.o.Work)
	}
	if l.Done {
		v.report, v.finished = l.Report, true
		return true, nil
	}
	f, err := snapshot.Open(v.leftPath(".mlsnap"))
	if err != nil {
		return false, err
	}
	if f.Identity != l.Identity {
		return false, usage("%s is not the state that was left: remove it", v.leftPath(".mlsnap"))
	}
	head, err := f.Head()
	if err != nil {
		return false, err
	}
	v.begun, v.report, v.folded = begin{f, head, ""}, l.Report, l.Folded
	return true, nil
}

// remove removes what was left.
func (v *verifier) remove() error {
	if v.o.Work == "" {
		return nil
	}
	for _, suffix := range []string{".json", ".mlsnap"} {
		if err := os.Remove(v.leftPath(suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
