package jobs

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay/patchbay/models"
)

func TestTroubleIsToldOnceAMinuteAndWhenItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "since" {
				return slog.Attr{}
			}
			return a
		}}))
		j := &Jobs{troubles: &troubles{log: log, known: map[string]*trouble{}}}
		rivers := slog.New(quiet{log.Handler(), j.troubles}).With("client", "x")
		away := errors.Join(errors.New("read"), driver.ErrBadConn)
		ofProvider := &models.Error{Kind: models.KindProviderFailed, Message: "acme does not answer", Cause: driver.ErrBadConn}
		tells := func(name string, want ...string) {
			t.Helper()
			got := strings.Split(strings.TrimSpace(strings.ReplaceAll(text.String(), `\n`, "; ")), "\n")
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("%s: told\n%s", name, text.String())
			}
			text.Reset()
		}
		rivers.Error("Producer: Error fetching jobs")
		tells("before", `level=ERROR msg="Producer: Error fetching jobs" client=x`)
		for range 150 { // seconds
			j.Failed("sweep", away)
			j.Failed("reload", away)
			rivers.Error("Producer: Error fetching jobs")
			time.Sleep(time.Second)
		}
		const told = `level=ERROR msg="the database cannot be used" work=sweep error="read; driver: bad connection"`
		tells("while the database is away", told, told+" failures=181", told+" failures=361")
		rivers.Warn("jobexecutor.JobExecutor: Job appears to be stuck")
		j.Failed("sweep", ofProvider)
		tells("of others meanwhile", `level=WARN msg="jobexecutor.JobExecutor: Job appears to be stuck" client=x`, `level=ERROR msg=sweep work=sweep error="acme does not answer"`)
		in, other := j.troubles.loopFailed("", "sweep", away), j.troubles.loopFailed("", "reload", away)
		j.troubles.leave(in)
		tells("when one of two has got over it")
		j.troubles.leave(other)
		tells("at the end", `level=INFO msg="over: the database cannot be used" failures=452`)
		rivers.Error("Producer: Error fetching jobs")
		j.Failed("sweep", away)
		tells("once more", `level=ERROR msg="Producer: Error fetching jobs" client=x`, told)
		time.Sleep(forgotten + time.Second)
		j.Failed("sweep", away)
		tells("much later", told)
	})
}
