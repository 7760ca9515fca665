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

type familyOutput struct {
	Body struct {
		At     At     `json:"at"`
		Family Family `json:"family"`
	}
}

func (s *server) family(ctx context.Context, in *accountInput) (*familyOutput, error) {
	out := &familyOutput{}
	err := s.read(ctx, s.ledger.ShardOf(in.Owner), &in.ReadInput, func(c Cut) error {
		f, err := c.Family(in.Venue, in.Owner, in.Sub)
		if err != nil {
			return err
		}
		out.Body.At = c.At()
		if f == nil {
			return huma.Error404NotFound(fmt.Sprintf("no parent subaccount of %s/%s/%d at cut %d of shard %d", in.Venue, in.Owner, in.Sub, out.Body.At.Cut, out.Body.At.Shard))
		}
		out.Body.Family = *f
		return nil
	})
	return out, err
}

// MarketInput (exported for the same reason) names a market on a shard.
type MarketInput struct {
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

// anyShard returns the shard asked for, or for -1 one that this process holds.
func (s *server) anyShard(shard int32) (int32, error) {
	if shard >= 0 {
		return shard, nil
	}
	local := s.ledger.Local()
	if len(local) == 0 {
		return 0, unavailable(ErrTakeover)
	}
	return local[0], nil
}

func noMarket(venue, market string, at At) error {
	return huma.Error404NotFound(fmt.Sprintf("no market %s/%s at cut %d of shard %d", venue, market, at.Cut, at.Shard))
}

func (s *server) market(ctx context.Context, in *MarketInput) (*marketOutput, error) {
	shard, err := s.anyShard(in.Shard)
	if err != nil {
		return nil, err
	}
	out := &marketOutput{}
	err = s.read(ctx, shard, &in.ReadInput, func(c Cut) error {
		m, err := c.Market(in.Venue, in.Market)
		if err != nil {
			return err
		}
		out.Body.At = c.At()
		if m == nil {
			return noMarket(in.Venue, in.Market, out.Body.At)
		}
		out.Body.Market = *m
		return nil
	})
	return out, err
}

type queueInput struct {
	MarketInput
	Side  string `query:"side" enum:"long,short" required:"true" doc:"The side that is closed: the other one than that of the position under water."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type queueOutput struct {
	Body struct {
		At      At       `json:"at"`
		Length  int      `json:"length" doc:"Positions on this side of the market that may be deleveraged, on this shard."`
		Entries []Queued `json:"entries" doc:"The first of them: the next to be closed is first."`
	}
}

func (s *server) queue(ctx context.Context, in *queueInput) (*queueOutput, error) {
	shard, err := s.anyShard(in.Shard)
	if err != nil {
		return nil, err
	}
	out := &queueOutput{}
	err = s.read(ctx, shard, &in.ReadInput, func(c Cut) error {
		list, err := c.Queue(in.Venue, in.Market, in.Side == "long")
		if err != nil {
			return err
		}
		out.Body.At = c.At()
		if list == nil {
			return noMarket(in.Venue, in.Market, out.Body.At)
		}
		out.Body.Length, out.Body.Entries = len(list), list[:min(in.Limit, len(list))]
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
