package views

import (
	"testing"
	"time"
)

func TestAgo(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		past time.Duration
		want string
	}{
		{0, "just now"},
		{44 * time.Second, "just now"},
		{45 * time.Second, "1 minute ago"},
		{119 * time.Second, "1 minute ago"},
		{3 * time.Minute, "3 minutes ago"},
		{59*time.Minute + 59*time.Second, "59 minutes ago"},
		{time.Hour, "1 hour ago"},
		{23 * time.Hour, "23 hours ago"},
		{day, "1 day ago"},
		{59 * day, "59 days ago"},
		{60 * day, "2 months ago"},
		{729 * day, "24 months ago"},
		{730 * day, "2 years ago"},
		{-time.Second, "in a moment"},
		{-time.Minute, "in 1 minute"},
		{-2 * time.Hour, "in 2 hours"},
		{-400 * day, "in 13 months"},
	} {
		if got := ago(now.Add(-test.past), now); got != test.want {
			t.Errorf("%v: got %q, want %q", test.past, got, test.want)
		}
	}
}

func TestAbsoluteIsInUTC(t *testing.T) {
	at := time.Date(2026, 11, 22, 16, 4, 5, 0, time.FixedZone("", 3600))
	if got, want := absolute(at), "22 Nov 2026, 15:04:05 UTC"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		if got := Count(n); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
