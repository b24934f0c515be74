package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"github.com/patchbay/patchbay/models"
)

// TestConfigRefusesWhatIsNotJSON posts every text that a JSON parser must refuse, from nst/JSONTestSuite.
func TestConfigRefusesWhatIsNotJSON(t *testing.T) {
	s := startServer(t)
	v := visitFirst(s)
	uuid := v.connect("user-1")
	files, err := filepath.Glob("../models/testdata/jsontestsuite/n_*")
	if err != nil || len(files) < 100 {
		t.Fatalf("found %d files of the suite: %v", len(files), err)
	}
	version := v.get("/connections/" + uuid).field("version")
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p := v.post("/connections/"+uuid+"/config", url.Values{"version": {version}, "config": {string(content)}})
		if p.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d, want 422", file, p.status)
			continue
		}
		if got, want := p.field("config"), asShownInHTML(string(content)); got != want {
			t.Errorf("%s: the text became %.200q, want %.200q", file, got, want)
		}
		if !strings.Contains(text(p.root), "line ") {
			t.Errorf("%s: no line is named", file)
		}
	}
	if connection, _ := s.connection(uuid); connection.AdditionalConfig != models.EmptyConfig {
		t.Errorf("a refused text was stored: %s", connection.AdditionalConfig)
	}
}

// asShownInHTML is what becomes of a text that HTML cannot carry as it is: bytes that are not UTF-8, NUL, and carriage
// returns (WHATWG HTML §13.2.3.5).
func asShownInHTML(s string) string {
	s = string([]rune(s)) // each faulty byte becomes U+FFFD
	return strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\ufffd").Replace(s)
}

// TestNothingAcknowledgedIsLost kills the server amid 50 writes. What it answered to is there after the next start.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	const connections, writes, killAfter = 5, 10, 20
	s := startServer(t)
	v := visitFirst(s)
	uuids := make([]string, connections)
	for i := range uuids {
		uuids[i] = v.connect(fmt.Sprintf("user-%d", i))
	}

	acknowledged := make([]int, connections) // the last write of each connection that was answered
	enough := make(chan struct{}, connections*writes)
	var writers sync.WaitGroup
	for i, uuid := range uuids {
		writers.Go(func() {
			for n := 1; n <= writes; n++ {
				if v.tryConfig(uuid, configNumber(n)) != nil {
					return // the server is gone
				}
				acknowledged[i] = n
				enough <- struct{}{}
			}
		})
	}
	for range killAfter {
		<-enough
	}
	s.kill()
	writers.Wait()

	s.start()
	for i, uuid := range uuids {
		connection, _ := s.connection(uuid)
		// The write under way may have arrived without its answer.
		last, next := configNumber(acknowledged[i]), configNumber(acknowledged[i]+1)
		if got := string(connection.AdditionalConfig); got != last && got != next {
			t.Errorf("connection %d holds %s, want %s", i, got, last)
		}
		if page := v.get("/connections/" + uuid); page.field("config") != string(connection.AdditionalConfig) {
			t.Errorf("connection %d is shown as %s", i, page.field("config"))
		}
	}
}

func configNumber(n int) string {
	if n == 0 {
		return string(models.EmptyConfig)
	}
	return fmt.Sprintf(`{"n": %d}`, n)
}

// tryConfig reads a connection's page and saves a configuration; it fails unless that is acknowledged.
func (v *visitor) tryConfig(uuid, config string) error {
	request, err := http.NewRequest(http.MethodGet, v.origin+"/connections/"+uuid, nil)
	if err != nil {
		return err
	}
	p, err := v.do(request)
	if err != nil {
		return err
	}
	p, err = v.tryPost("/connections/"+uuid+"/config", url.Values{"version": {p.field("version")}, "config": {config}})
	if err == nil && p.status != http.StatusOK {
		err = errors.New("not saved")
	}
	return err
}

// field is the value of the named form field, or empty.
func (p *page) field(name string) string {
	named := func(n *html.Node) bool { return attribute(n, "name") == name }
	if n := p.find("textarea", named); n != nil {
		return verbatim(n)
	}
	if n := p.find("input", named); n != nil {
		return attribute(n, "value")
	}
	return ""
}
