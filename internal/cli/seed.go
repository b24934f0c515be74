package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"github.com/patchbay/patchbay/internal/seed"
	"github.com/patchbay/patchbay/models"
)

type seedCommand struct {
	storageSettings
	Connections  amount `required:"" help:"How many connections to make."`
	Integrations amount `default:"20" help:"How many integrations to make for them."`
	Seed         uint64 `default:"1" help:"The same seed makes the same connections."`
	Force        bool   `help:"Add to a database that has connections."`
}

// Bounds of what is made.
const (
	maxSeedConnections  = 100_000_000
	maxSeedIntegrations = 1000
	progressInterval    = 5 * time.Second
)

// amount is how many of something to make.
type amount int

// Decode implements [kong.MapperValue]. A negative number, which looks like a flag, is refused as a number, too.
func (a *amount) Decode(ctx *kong.DecodeContext) error {
	token := ctx.Scan.Pop()
	if token.IsEOL() {
		return errors.New("expected a number from 1, found nothing")
	}
	n, err := strconv.Atoi(fmt.Sprint(token.Value))
	if err != nil || n < 1 {
		return fmt.Errorf("expected a number from 1, found %q", token.Value)
	}
	*a = amount(n)
	return nil
}

// Run fills the database.
func (s *seedCommand) Run(ctx context.Context, streams Streams) error {
	if s.Connections > maxSeedConnections || s.Integrations > maxSeedIntegrations {
		return settingsError{fmt.Errorf("--connections, --integrations: expected 1 to %d connections of 1 to %d integrations", maxSeedConnections, maxSeedIntegrations)}
	}
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close() // again below, harmlessly
	there, err := db.CountUpTo(ctx, models.ConnectionFilter{}, utcNow(), 1)
	if err != nil {
		return err
	}
	if there > 0 && !s.Force {
		return settingsError{errors.New("the database has connections: seed a new one, or add to this with --force")}
	}
	began, told := time.Now(), time.Now()
	err = seed.Fill(ctx, db, seed.Options{
		Connections: int(s.Connections), Integrations: int(s.Integrations), Seed: s.Seed, Now: utcNow(),
		Progress: func(made int) {
			if time.Since(told) >= progressInterval {
				told = time.Now()
				fmt.Fprintf(streams.Err, "%d connections …\n", made)
			}
		},
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	took := time.Since(began)
	_, err = fmt.Fprintf(streams.Out, "Made %d connections of %d integrations in %s (%.0f a second), with the tag %s.\n",
		s.Connections, s.Integrations, took.Round(time.Millisecond), float64(s.Connections)/took.Seconds(), seed.Tag)
	return err
}
