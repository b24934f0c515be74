package views

import (
	"strconv"
	"time"

	"github.com/patchbay/patchbay/models"
)

// SystemPage shows how the server is doing. What is about keys, servers and settings is for the role admin, and nil for others.
type SystemPage struct {
	Shell
	Version  string
	Started  time.Time
	Problems []models.Problem
	Database []Fact
	Work     []models.Workload
	Webhooks models.WebhookStanding
	Detail   *SystemDetail
}

// SystemDetail is the part of the page about the system that is for the role admin.
type SystemDetail struct {
	KeySource string // the key file, or the variable that holds the keys
	Keys      []models.KeyStatus
	Rotation  []models.Resealing // by place; empty where no key was replaced
	Damaged   []DamagedRow
	Servers   []ServerRow
	Settings  []Fact
}

// endpointLooks are how many webhook endpoints stand in a way that is worth a look.
func endpointLooks(s models.WebhookStanding) []statusLook {
	var looks []statusLook
	for _, look := range []struct {
		n          int
		what, tone string
	}{{s.GivenUp, "disabled by the server", "bad"}, {s.Failing, "failing", "warn"}, {s.Disabled, "disabled", "idle"}} {
		if look.n > 0 {
			looks = append(looks, statusLook{Label: strconv.Itoa(look.n) + " " + look.what, Tone: look.tone})
		}
	}
	return looks
}

// DamagedRow is a sealed value that does not open.
type DamagedRow struct {
	models.DamagedValue
	Href string // page of what it belongs to; empty where there is none
}

// ServerRow is a server of the database.
type ServerRow struct {
	models.Replica
	Alive bool
}

// keyState says what a key is for, with the tone of its light.
func keyState(state models.KeyState) (label, tone, detail string) {
	switch state {
	case models.KeySealing:
		return "In use", "ok", "New values are sealed under it."
	case models.KeyWaiting:
		return "Waiting", "warn", "Takes over when every server holds it."
	case models.KeyReplaced:
		return "Being replaced", "info", "Values may still be sealed under it."
	case models.KeyEmpty:
		return "Not needed", "idle", "May be removed by patchbay keys prune. Older backups need it."
	}
	return "Spare", "idle", "Has never sealed anything."
}

// shownKeys leaves out the keys that are neither needed nor there.
func (d *SystemDetail) shownKeys() []models.KeyStatus {
	var shown []models.KeyStatus
	for _, key := range d.Keys {
		if !key.Gone() {
			shown = append(shown, key)
		}
	}
	return shown
}
