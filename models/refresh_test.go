package models

import (
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const hour, day = time.Hour, 24 * time.Hour
	for name, test := range map[string]struct {
		life   time.Duration // of the access token; 0 for not named
		rules  RefreshRules
		unused bool
		due    time.Duration    // from now; 0 for not known
		ahead  [2]time.Duration // between
	}{
		"an hour":                      {life: hour, due: 45 * time.Minute, ahead: [2]time.Duration{40 * time.Minute, 45 * time.Minute}},
		"a minute":                     {life: time.Minute, due: 45 * time.Second, ahead: [2]time.Duration{time.Minute, time.Minute}},
		"a margin of its own":          {life: hour, rules: RefreshRules{Margin: 5 * time.Minute}, due: 55 * time.Minute, ahead: [2]time.Duration{53 * time.Minute, 55 * time.Minute}},
		"a margin longer than life":    {life: hour, rules: RefreshRules{Margin: day}, due: 30 * time.Minute, ahead: [2]time.Duration{20 * time.Minute, 30 * time.Minute}},
		"no end":                       {ahead: [2]time.Duration{day * 9 / 10, day}},
		"an assumed end":               {rules: RefreshRules{AccessTokenLife: hour}, due: 45 * time.Minute, ahead: [2]time.Duration{40 * time.Minute, 45 * time.Minute}},
		"not used":                     {life: hour, unused: true, due: 45 * time.Minute, ahead: [2]time.Duration{day * 9 / 10, day}},
		"not used, and long":           {life: 60 * day, unused: true, due: 60*day - 15*time.Minute, ahead: [2]time.Duration{60*day - 20*time.Minute, 60*day - 15*time.Minute}},
		"idle refresh token":           {life: 60 * day, rules: RefreshRules{RefreshTokenIdleLife: 3 * hour}, due: 60*day - 15*time.Minute, ahead: [2]time.Duration{54 * time.Minute, hour}},
		"idle refresh token, not used": {life: hour, unused: true, rules: RefreshRules{RefreshTokenIdleLife: 30 * day}, due: 45 * time.Minute, ahead: [2]time.Duration{day * 9 / 10, day}},
	} {
		c := &Connection{UUID: name, UsedAt: now}
		if test.unused {
			c.UsedAt = now.Add(-2 * day)
		}
		credentials := Credentials{Type: AuthOAuth2, RefreshToken: "r"}
		if test.life > 0 {
			end := now.Add(test.life)
			credentials.ExpiresAt = &end
		}
		c.Hold(credentials, test.rules, now)
		if test.due == 0 && c.RefreshAt != nil || test.due != 0 && (c.RefreshAt == nil || c.RefreshAt.Sub(now) != test.due) {
			t.Errorf("%s: due at %v", name, c.RefreshAt)
		}
		if got := c.AheadAt.Sub(now); got < test.ahead[0] || got > test.ahead[1] {
			t.Errorf("%s: ahead after %v", name, got)
		}
	}
	var c Connection
	if c.Hold(Credentials{Type: AuthAPIKey}, RefreshRules{}, now); c.RefreshAt != nil || c.AheadAt != nil {
		t.Error("an API key is refreshed")
	}
}
