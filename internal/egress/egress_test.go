package egress

import (
	"errors"
	"net/url"
	"testing"
)

func TestAPrivateAddressIsKnownByItsLooks(t *testing.T) {
	for address, want := range map[string]bool{ // whether it may be reached
		"https://app.example.com/hook":       true,
		"https://8.8.8.8/":                   true,
		"https://[2001:4860:4860::8888]/":    true,
		"http://127.0.0.1/":                  false,
		"http://127.0.0.1:8080/":             false,
		"http://10.1.2.3:9000/hook":          false,
		"http://192.168.0.1":                 false,
		"http://169.254.169.254/latest":      false,
		"http://100.100.100.200/":            false,
		"http://0.0.0.0/":                    false,
		"http://[::1]:8080/":                 false,
		"http://[::ffff:7f00:1]/":            false,
		"http://[fd00:ec2::254]/":            false,
		"http://[fe80::1%25eth0]/":           false,
		"http://localhost:8080/":             false,
		"http://LocalHost./":                 false,
		"http://app.localhost/":              false,
		"https://localhost.example.com/hook": true,
		"http://127.0.0.1:9000/":             true, // allowed by its port
		"http://internal.test/":              true, // a name
		"http://172.16.0.1/":                 true, // allowed by its network
		"https://[fd12::1]/":                 true,
	} {
		guard, err := New([]string{"127.0.0.1:9000", "172.16.0.0/16", " fd12::/16"})
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if err := guard.Check(u); (err == nil) != want || err != nil && !errors.Is(err, ErrPrivate) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestLocalhostIsReachedWhereLoopbackIs(t *testing.T) {
	for allowed, want := range map[string]bool{"127.0.0.0/8": true, "::1/128": true, "localhost:8080": true, "127.0.0.1:8080": false, "10.0.0.0/8": false} {
		guard, err := New([]string{allowed})
		if err != nil {
			t.Fatal(err)
		}
		if err := guard.Check(&url.URL{Scheme: "http", Host: "localhost:8080"}); (err == nil) != want {
			t.Errorf("with %s allowed: %v", allowed, err)
		}
	}
}

func TestWhatIsAllowedHasAForm(t *testing.T) {
	for _, entry := range []string{"127.0.0.1", "example.com", ":80", "10.0.0.0/33", "a:0", "a:70000", ""} {
		if _, err := New([]string{entry}); err == nil {
			t.Errorf("%q is accepted", entry)
		}
	}
}
