package oauth

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/models"
)

func TestPrivateAddressesAreReachedOnlyWhenListed(t *testing.T) {
	reached := 0
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached++
		w.Write([]byte(`{"access_token":"t"}`))
	}))
	defer endpoint.Close()
	u, err := url.Parse(endpoint.URL)
	if err != nil {
		t.Fatal(err)
	}
	try := func(host string, allowed ...string) error {
		client, err := New(allowed, CallTimeout, func() time.Time { return testNow })
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Exchange(t.Context(), integration("https://p.example/a", "http://"+host+":"+u.Port()+"/token"), redirectURI, "c", "v")
		return err
	}
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "[::ffff:7f00:1]", "①②⑦.⓪.⓪.①", "x@127.0.0.1", "127.1"} {
		if err := try(host); !models.HasCode(err, models.ConnectTokenRetrieval) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if err := try("127.0.0.1"); err == nil || models.AsError(err).Cause == nil || !strings.Contains(models.AsError(err).Cause.Error(), "PATCHBAY_ALLOW_PRIVATE") {
		t.Errorf("the log would not say what to do: %v", err)
	}
	if err := try("127.0.0.1", "127.0.0.1:1", "10.0.0.0/8"); err == nil {
		t.Error("another entry let it through")
	}
	if reached != 0 {
		t.Fatalf("the private address was reached %d times", reached)
	}
	for _, allowed := range []string{u.Host, "127.0.0.0/8"} {
		if err := try("127.0.0.1", allowed); err != nil {
			t.Errorf("allowed by %s: %v", allowed, err)
		}
	}
}

func TestAllowedAddressesThatMakeNoSenseAreRefused(t *testing.T) {
	for _, entry := range []string{"", "127.0.0.1", "host", "host:0", "host:http", ":80", "10.0.0.0/40"} {
		if _, err := New([]string{entry}, CallTimeout, time.Now); err == nil || !strings.Contains(err.Error(), "expected host:port") {
			t.Errorf("%q: %v", entry, err)
		}
	}
}
