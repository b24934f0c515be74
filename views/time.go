package views

import (
	"strconv"
	"time"
)

// ago says how far t lies from now, in the largest unit that fits: "just now", "3 minutes ago", "in 2 hours".
func ago(t, now time.Time) string {
	distance := now.Sub(t)
	format := func(s string) string { return s + " ago" }
	if distance < 0 {
		distance = -distance
		format = func(s string) string { return "in " + s }
	}
	const day = 24 * time.Hour
	switch {
	case distance < 45*time.Second:
		if t.After(now) {
			return "in a moment"
		}
		return "just now"
	case distance < time.Hour:
		return format(plural(max(1, int64(distance/time.Minute)), "minute"))
	case distance < day:
		return format(plural(int64(distance/time.Hour), "hour"))
	case distance < 60*day:
		return format(plural(int64(distance/day), "day"))
	case distance < 730*day:
		return format(plural(int64(distance/(30*day)), "month"))
	}
	return format(plural(int64(distance/(365*day)), "year"))
}

// absolute gives t to the second, with its zone.
func absolute(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") }

// plural counts in English: "1 minute", "1,204 connections".
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

// Count writes n with thousands separators.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
