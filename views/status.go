package views

import (
	"net/url"
	"strconv"

	"github.com/patchbay/patchbay/models"
)

// statusLook is how a status appears: its word, its colour (ok, warn, bad, info, idle) and what it means for
// connections in general. A page that knows more says so instead.
type statusLook struct{ Label, Tone, Meaning string }

var statusLooks = map[models.Status]statusLook{
	models.StatusConnected:      {"Connected", "ok", "Credentials are valid."},
	models.StatusExpiring:       {"Expires soon", "warn", "The access token ends within 24 hours, and no refresh token is held."},
	models.StatusNeedsReconnect: {"Needs reconnect", "bad", "The user has to grant access again."},
	models.StatusError:          {"Error", "bad", "The last refresh of the access token failed."},
	models.StatusDisabled:       {"Disabled", "idle", "Credentials are not handed out."},
	models.StatusPending:        {"Pending", "info", "The user has not finished granting access."},
}

func lookOf(s models.Status) statusLook {
	if look, ok := statusLooks[s]; ok {
		return look
	}
	return statusLook{string(s), "idle", ""}
}

// connectionsHref is the list of connections under one filter besides the status; empty values do not filter.
func connectionsHref(name, value string, status models.Status) string {
	query := url.Values{}
	if value != "" {
		query.Set(name, value)
	}
	if status != "" {
		query.Set("status", string(status))
	}
	if len(query) == 0 {
		return "/connections"
	}
	return "/connections?" + query.Encode()
}

// share is one segment of a bar; X and Width are percentages of it.
type share struct{ Tone, X, Width string }

// minShare is how much of a bar even the rarest status gets, lest three failures among thousands are not seen.
const minShare = 0.005

// sharesOf divides a bar among the statuses that occur, in display order.
func sharesOf(counts models.StatusCounts) []share {
	least := minShare * float64(counts.Total())
	weights, total := map[models.Status]float64{}, 0.0
	for _, s := range models.Statuses {
		if counts[s] > 0 {
			weights[s] = max(float64(counts[s]), least)
			total += weights[s]
		}
	}
	var shares []share
	x := 0.0
	for _, s := range models.Statuses {
		if width := 100 * weights[s] / total; weights[s] > 0 {
			shares = append(shares, share{lookOf(s).Tone, percent(x), percent(width)})
			x += width
		}
	}
	return shares
}

func percent(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) + "%" }

// StatusLabel gives the word for a status.
func StatusLabel(s models.Status) string { return lookOf(s).Label }
