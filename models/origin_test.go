package models

import (
	"strings"
	"testing"
)

func TestOnlyRegisteredOriginsAreTold(t *testing.T) {
	origins, err := NewOrigins([]string{"https://App.example.com:443/", "http://intranet:8080"}, false)
	if err != nil {
		t.Fatal(err)
	}
	for origin, want := range map[string]bool{
		"https://app.example.com": true, "http://intranet:8080": true,
		"http://app.example.com": false, "https://app.example.com:444": false, "https://app.example.com.attacker.example": false,
		"https://attacker.example": false, "null": false, "": false, "*": false, "https://app.example.com/": false, "http://localhost": false,
	} {
		if origins.Allows(origin) != want {
			t.Errorf("origin %q: %v", origin, !want)
		}
	}
	for address, want := range map[string]bool{
		"https://app.example.com": true, "https://app.example.com/done?x=1#y": true, "https://APP.example.com/done": true, "https://app.example.com:443/done": true,
		"//app.example.com/": false, "/done": false, `https:/\app.example.com`: false, `https://app.example.com\@attacker.example`: false,
		"https://app.example.com@attacker.example/": false, "https://app.example.com.attacker.example/": false, "\t//attacker.example": false,
		"javascript:alert(1)": false, "https:app.example.com": false, "https://app.example.com/\u202e": false, "https://app.example.com/ x": false,
		"https://attacker.example/?https://app.example.com": false, "https://user@app.example.com/": false, "data:text/html,x": false,
	} {
		if origins.AllowsReturn(address) != want {
			t.Errorf("return to %q: %v", address, !want)
		}
	}
	local, err := NewOrigins(nil, true)
	if err != nil || !local.Allows("http://localhost:5173") || !local.Allows("http://127.0.0.1:1") || local.Allows("http://localhost.attacker.example") {
		t.Errorf("loopback: %+v, %v", local, err)
	}
	for _, text := range []string{"", "app.example.com", "https://app.example.com/path", "*", "https://*.example.com/", "ftp://x"} {
		if _, err := NewOrigins([]string{text}, false); err == nil {
			t.Errorf("registered %q", text)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:3003": true, "127.0.0.1": true, "127.0.0.1:80": true, "[::1]:3003": true,
		"connect.example.com": false, "10.0.0.1:80": false, "localhost.example.com": false, "": false,
	} {
		if IsLoopback(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
}

func FuzzReturnURL(f *testing.F) {
	origins, err := NewOrigins([]string{"https://app.example.com"}, false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("https://app.example.com/x")
	f.Add("https://app.example.com@attacker.example")
	f.Fuzz(func(t *testing.T, address string) {
		address = strings.Replace(address, ":443", "", 1)
		if origins.AllowsReturn(address) && (len(address) < 23 || !equalFoldASCII(address[:23], "https://app.example.com") || len(address) > 23 && address[23] != '/' && address[23] != '?' && address[23] != '#') {
			t.Errorf("%q is allowed", address)
		}
	})
}

func equalFoldASCII(a, b string) bool {
	for i := range len(a) {
		x, y := a[i], b[i]
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if x != y {
			return false
		}
	}
	return true
}
