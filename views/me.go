package views

import (
	"time"

	"github.com/patchbay/patchbay/models"
)

// MePage is the end user's own connections.
type MePage struct {
	Theme       Theme
	App         string // the application's name
	UserLabel   string
	Flash       *Flash
	Connections []MeConnection
	Offers      []ConnectChoice // what can be connected besides
	ReturnHref  string          // back to the application; empty where there is nowhere
	Now         time.Time
}

// MeConnection is one connection as its end user sees it.
type MeConnection struct {
	Integration      string
	Status           models.Status
	Since            time.Time
	ReconnectHref    string // empty where it cannot be connected anew here
	DisconnectAction string // address of the form that ends it
}

// meMeaning says what a status means for the end user.
func meMeaning(s models.Status, app string) string {
	switch s {
	case models.StatusConnected:
		return app + " has access."
	case models.StatusExpiring:
		return "The access of " + app + " ends within a day. Reconnect to keep it."
	case models.StatusNeedsReconnect:
		return app + " has lost access. Reconnect to restore it."
	case models.StatusError:
		return app + " could not renew its access, and tries again by itself."
	case models.StatusDisabled:
		return app + " has paused this connection."
	}
	return app + " has not confirmed this connection yet."
}
