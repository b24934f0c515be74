package views

import (
	"slices"
	"testing"

	"github.com/patchbay/patchbay/models"
)

func TestEveryStatusHasALook(t *testing.T) {
	for _, s := range models.Statuses {
		if look := lookOf(s); look.Label == string(s) || look.Meaning == "" {
			t.Errorf("status %q has no words", s)
		}
	}
}

func TestSharesOf(t *testing.T) {
	for _, test := range []struct {
		counts models.StatusCounts
		want   []share
	}{
		{models.StatusCounts{}, nil},
		{models.StatusCounts{models.StatusError: 7}, []share{{"bad", "0.00%", "100.00%"}}},
		{
			models.StatusCounts{models.StatusConnected: 3, models.StatusPending: 1, models.StatusError: 0},
			[]share{{"ok", "0.00%", "75.00%"}, {"info", "75.00%", "25.00%"}},
		},
		{
			models.StatusCounts{models.StatusConnected: 99999, models.StatusError: 1},
			[]share{{"ok", "0.00%", "99.50%"}, {"bad", "99.50%", "0.50%"}},
		},
	} {
		if got := sharesOf(test.counts); !slices.Equal(got, test.want) {
			t.Errorf("%v: got %v, want %v", test.counts, got, test.want)
		}
	}
}

func TestConnectionsHref(t *testing.T) {
	for _, test := range []struct {
		name, value string
		status      models.Status
		want        string
	}{
		{"", "", "", "/connections"},
		{"", "", models.StatusError, "/connections?status=error"},
		{"user", "a&b=/é", "", "/connections?user=a%26b%3D%2F%C3%A9"},
		{"integration", "slack", models.StatusPending, "/connections?integration=slack&status=pending"},
	} {
		if got := connectionsHref(test.name, test.value, test.status); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestMonogram(t *testing.T) {
	for name, want := range map[string]string{"slack": "S", "_9to5": "9", "élan": "É", "": "?", "---": "?"} {
		if got := initial(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
