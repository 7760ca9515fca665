package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// ReadInput (exported, or huma would not see its fields) is what every read of state may say.
type ReadInput struct {
	MinCut uint64 `query:"min_cut" doc:"Wait, for a bounded time, until the shard has committed this cut."`
	uri    *url.URL
}

// Resolve implements huma.Resolver: a redirect repeats the request's path and query.
func (in *ReadInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	in.uri = &u
	return nil
}

type accountInput struct {
	ReadInput
	Venue string `path:"venue" maxLength:"32"`
	Owner string `path:"owner" maxLength:"64"`
	Sub   uint32 `path:"sub" doc:"Subaccount number."`
}

type accountOutput struct {
	Body struct {
		At      At      `json:"at"`
		Account Account `json:"account"`
	}
}

func (s *server) account(ctx context.Context, in *accountInput) (*accountOutput, error) {
	out := &accountOutput{}
	err := s.read(ctx, s.ledger.ShardOf(in.Owner), &in.ReadInput, func(c Cut) error {
		a, err := c.Account(in.Venue, in.Owner, in.Sub)
		if err != nil {
			return err
		}
		out.Body.At = c.At()
		if a == nil {
			return huma.Error404NotFound(fmt.Sprintf("no account %s/%s/%d at cut %d of shard %d", in.Venue, in.Owner, in.Sub, out.Body.At.Cut, out.Body.At.Shard))
		}
		out.Body.Account = *a
		return nil
	})
	return out, err
}

type marketInput struct {
	ReadInput
	Venue  string `path:"venue" maxLength:"32"`
	Market string `path:"market" maxLength:"32"`
	Shard  int32  `query:"shard" default:"-1" doc:"Every shard sees every market; -1: one that this process holds."`
}

type marketOutput struct {
	Body struct {
		At     At     `json:"at"`
		Market Market `json:"market"`
	}
}

func (s *server) market(ctx context.Context, in *marketInput) (*marketOutput, error) {
	shard := in.Shard
	if shard < 0 {
		local := s.ledger.Local()
		if len(local) == 0 {
			return nil, unavailable(ErrTakeover)
		}
		shard = local[0]
	}
	out := &marketOutput{}
	err := s.read(ctx, shard, &in.ReadInput, func(c Cut) error {
		m, err := c.Market(in.Venue, in.Market)
		if err != nil {
			return err
		}
		out.Body.At = c.At()
		if m == nil {
			return huma.Error404NotFound(fmt.Sprintf("no market %s/%s at cut %d of shard %d", in.Venue, in.Market, out.Body.At.Cut, out.Body.At.Shard))
		}
		out.Body.Market = *m
		return nil
	})
	return out, err
}

type liquidationsInput struct {
	Shard int32  `query:"shard" minimum:"0" doc:"Sequences are dense per shard."`
	Since uint64 `query:"since_seq" doc:"The last sequence number already seen; 0: from the beginning."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type liquidationsOutput struct {
	Body struct {
		Shard         int32          `json:"shard"`
		Announcements []Announcement `json:"announcements"`
		NextSince     uint64         `json:"nextSinceSeq" doc:"since_seq of the next request."`
	}
}

func (s *server) liquidations(ctx context.Context, in *liquidationsInput) (*liquidationsOutput, error) {
	list, err := s.ledger.Announcements(ctx, in.Shard, in.Since, in.Limit)
	if err != nil {
		return nil, s.problem(err, nil)
	}
	out := &liquidationsOutput{}
	out.Body.Shard, out.Body.Announcements, out.Body.NextSince = in.Shard, slices.Clip(list), in.Since
	if list == nil {
		out.Body.Announcements = []Announcement{}
	} else {
		out.Body.NextSince = list[len(list)-1].Seq
	}
	return out, nil
}

// read opens one cut of the shard, at or past min_cut, for f.
func (s *server) read(ctx context.Context, shard int32, in *ReadInput, f func(Cut) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.MinCutTimeout)
	defer cancel()
	c, err := s.ledger.Read(ctx, shard, in.MinCut)
	if err != nil {
		return s.problem(err, in.uri)
	}
	return s.problem(errors.Join(f(c), c.Close()), in.uri)
}

// problem turns an error into a problem document. What is not foreseen is a 500 that says what was being done.
func (s *server) problem(err error, at *url.URL) error {
	var elsewhere *ElsewhereError
	var behind *BehindError
	var status huma.StatusError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &status):
		return status
	case errors.Is(err, ErrNoSnapshots):
		return huma.Error404NotFound(err.Error())
	case errors.Is(err, ErrTakeover), errors.As(err, &behind):
		return unavailable(err)
	case errors.As(err, &elsewhere) && at != nil:
		location := elsewhere.URL + at.RequestURI()
		return huma.ErrorWithHeaders(huma.NewError(http.StatusTemporaryRedirect, err.Error()), http.Header{"Location": {location}})
	case errors.As(err, &elsewhere):
		return unavailable(err)
	}
	return huma.Error500InternalServerError(err.Error())
}

// noShard says that there is no such shard.
func noShard(shard, shards int32) error {
	return huma.Error404NotFound(fmt.Sprintf("no shard %d: the ledger has %d", shard, shards))
}

// unavailable is for what may be different in a second.
func unavailable(err error) error {
	return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable(err.Error()), http.Header{"Retry-After": {"1"}})
}
