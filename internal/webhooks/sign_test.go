package webhooks

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/testkit"
	"github.com/patchbay/patchbay/models"
)

// The example of the Standard Webhooks libraries.
func TestSignaturesAreThoseOfStandardWebhooks(t *testing.T) {
	got, err := signature("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), `{"test": 2432232314}`, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, secret := range []models.Secret{"", "whsec_", "whsec_!"} {
		if got, err := signature("m", time.Unix(0, 0), "", secret); err == nil {
			t.Errorf("%s signs: %s", secret.Reveal(), got)
		}
	}
}

// The guide's program for a language without a library of ours.
func TestTheGuidesPythonVerifies(t *testing.T) {
	t.Parallel()
	python := testkit.Need(t, "python3")
	guide, err := os.ReadFile("../../docs/guide/webhooks.md")
	must(t, err)
	_, program, _ := strings.Cut(string(guide), "```python\n")
	program, _, found := strings.Cut(program, "```")
	if !found {
		t.Fatal("the guide has no program in Python")
	}
	dir, at, secret := t.TempDir(), time.Unix(1614265330, 0), models.NewWebhookSecret()
	must(t, os.WriteFile(filepath.Join(dir, "receiver.py"), []byte(program), 0o600))
	const check = `import json, sys, receiver
for given in json.load(sys.stdin):
    try:
        print(receiver.verify(given["headers"], given["body"].encode(), given["secret"], now=given["now"])["userId"])
    except ValueError:
        print("refused")`
	const body = `{"userId":"b"}`
	var requests []map[string]any
	for _, test := range []struct {
		header, value, body string
		late                time.Duration
	}{
		{body: body, late: 4 * time.Minute},
		{body: body, late: 6 * time.Minute},
		{body: body + " "},
		{body: body, header: headerID, value: "msg_2"},
		{body: body, header: headerID},
		{body: body, header: headerTimestamp, value: "now"},
		{body: body, header: headerSignature},
		{body: body, header: headerSignature, value: "v1,é v1, v2"},
	} {
		header := http.Header{}
		must(t, sign(header, "msg_1", at, body, []models.Secret{models.NewWebhookSecret(), secret}))
		headers := map[string]string{}
		for name := range header {
			headers[strings.ToLower(name)] = header.Get(name)
		}
		if test.header != "" {
			headers[test.header] = test.value
		}
		requests = append(requests, map[string]any{"headers": headers, "body": test.body, "secret": secret.Reveal(), "now": at.Add(test.late).Unix()})
	}
	input, err := json.Marshal(requests)
	must(t, err)
	cmd := exec.CommandContext(t.Context(), python, "-B", "-c", check)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	if want := "b" + strings.Repeat("\nrefused", len(requests)-1) + "\n"; err != nil || string(out) != want {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
}

func TestWaitsGrowAndEnd(t *testing.T) {
	var total time.Duration
	for tries := 1; tries <= len(waits); tries++ {
		least, more := waitAfter(tries, 0)
		most, _ := waitAfter(tries, 1)
		if !more || least >= waits[tries-1] || most <= waits[tries-1] || most > 2*waits[tries-1] {
			t.Errorf("after %d: from %v to %v", tries, least, most)
		}
		total += waits[tries-1]
	}
	if _, more := waitAfter(len(waits)+1, 0); more || total < 23*time.Hour || total > 24*time.Hour {
		t.Errorf("%v in all", total)
	}
}
