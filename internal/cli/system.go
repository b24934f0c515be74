package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	"github.com/patchbay/patchbay/handlers"
	"github.com/patchbay/patchbay/internal/rotation"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// systemReport gathers what the page about the server shows.
type systemReport struct {
	started time.Time
	db      *store.Store
	keys    *rotation.Keeper
	config  *handlers.Config
	// work asks the parts that work in the background how they stand, in the order they are shown.
	work []func(context.Context) (models.Workload, error)
}

// status tells about the server and what it depends on.
func (r *systemReport) status(ctx context.Context) (*models.SystemStatus, error) {
	database, err := r.db.Facts(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := r.keys.Status(ctx)
	if err != nil {
		return nil, err
	}
	status := &models.SystemStatus{
		Version: programVersion(), Started: r.started, Database: *database, KeyRing: *keys, Problems: keys.Problems,
		RootURL: r.config.RootURL.String(), Sandbox: r.config.Sandbox != nil,
	}
	for _, prefix := range r.config.TrustedProxies {
		status.TrustedProxies = append(status.TrustedProxies, prefix.String())
	}
	for _, ask := range r.work {
		load, err := ask(ctx)
		if err != nil {
			return nil, err
		}
		status.Work = append(status.Work, load)
		if load.Problem != nil {
			status.Problems = append(status.Problems, *load.Problem)
		}
	}
	status.Problems = append(status.Problems, r.settingsProblems()...)
	return status, nil
}

// settingsProblems finds settings that are likely not meant.
func (r *systemReport) settingsProblems() []models.Problem {
	root := r.config.RootURL
	if root.Scheme == "http" && !models.IsLoopback(root.Host) {
		return []models.Problem{{
			What:   "The public root is not https: sessions and tokens can be read on the way.",
			Remedy: "Put a proxy with a certificate before the server, and set PATCHBAY_URL to its https address.",
		}}
	}
	return nil
}

// dueRefreshes counts the connections whose credentials are due.
func dueRefreshes(db *store.Store) func(context.Context) (models.Workload, error) {
	return func(ctx context.Context) (models.Workload, error) {
		due, oldest, err := db.DueRefreshes(ctx, utcNow())
		return models.Workload{Name: "Refreshes due", Waiting: due, Oldest: oldest}, err
	}
}

// resealing counts the values that are still to be sealed under the newest key.
func resealing(keys *rotation.Keeper) func(context.Context) (models.Workload, error) {
	return func(ctx context.Context) (models.Workload, error) {
		load := models.Workload{Name: "Values to seal anew"}
		status, err := keys.Status(ctx)
		if err != nil || !status.Rotating() {
			return load, err
		}
		for _, pass := range status.Resealings {
			if pass.FinishedAt == nil {
				load.Waiting += pass.Total - pass.Resealed
				if load.Oldest == nil || pass.BeganAt.Before(*load.Oldest) {
					load.Oldest = &pass.BeganAt
				}
			}
		}
		return load, nil
	}
}

// newReplica names this process among the servers of a database.
func newReplica() models.Replica {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	var suffix [3]byte
	_, _ = rand.Read(suffix[:]) // never fails
	return models.Replica{ID: fmt.Sprintf("%s-%s", host, hex.EncodeToString(suffix[:])), Host: host, Version: programVersion()}
}
