package sandbox

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"unicode/utf16"
)

// without leaves a field out of a success.
func without(name string) func(map[string]any) {
	return func(fields map[string]any) { delete(fields, name) }
}

// expiring is a success whose expires_in is not a usual number of seconds.
func expiring(name string, value any) Vice {
	text := fmt.Sprintf("%v", value)
	switch value.(type) {
	case string:
		text = fmt.Sprintf("%q, a text", value)
	case nil:
		text = "null"
	}
	return Vice{
		Name: name, Group: groupAnswers, Expect: expectNothing,
		Does: "The answer says that the access token lives for " + text + " seconds.", fields: func(fields map[string]any) { fields["expires_in"] = value },
	}
}

// refusing answers by an error of fields, given as name and value in turn, in place of issuing tokens.
func refusing(name, group, expect, does string, status int, pairs ...any) Vice {
	return Vice{
		Name: name, Group: group, Expect: expect, Does: does,
		answer: func(*Provider) *reply { return jsonReply(status, pairs...) },
	}
}

// failing is a provider that is down for a while.
func failing(name string, status int, does string) Vice {
	return Vice{
		Name: name, Group: groupTrouble, Expect: expectRetry, Does: does + " Nothing is issued.",
		answer: func(*Provider) *reply {
			return textReply(status, "text/html; charset=utf-8", "<!doctype html><title>Error</title><h1>"+http.StatusText(status)+"</h1>")
		},
	}
}

// limiting is a provider that asks to be left alone.
func limiting(name, words string, after func(*Provider) string) Vice {
	return Vice{
		Name: name, Group: groupTrouble, Does: "Status 429, to be asked again " + words + ". Nothing is issued.",
		Expect: "The status is Error. The provider is left alone for as long as it says, from 30 seconds to an hour, and the access token at hand is given out meanwhile.",
		answer: func(p *Provider) *reply {
			out := jsonReply(http.StatusTooManyRequests, "error", "rate_limited")
			out.header.Set("Retry-After", after(p))
			return out
		},
	}
}

// redirecting points to another host, where the secrets of a request that follows would be seen.
func redirecting(name string, status int) Vice {
	return Vice{
		Name: name, Group: groupTransport, Expect: "The redirect is not followed, as it would take the secrets to another host. " + expectRetry,
		Does: fmt.Sprintf("Status %d, which leads to another host. Nothing is issued.", status),
		answer: func(p *Provider) *reply {
			out := newReply(status)
			out.header.Set("Location", p.otherHost()+elsewherePath)
			return out
		},
	}
}

// elsewherePath is where redirects lead to. The ledger keeps who followed one.
const elsewherePath = "/sandbox/elsewhere"

// otherHost gives the provider's root by another name of this machine.
func (p *Provider) otherHost() string {
	u, err := url.Parse(p.serverURL)
	if err != nil {
		return "https://elsewhere.example"
	}
	name := "localhost"
	if u.Hostname() == name {
		name = "127.0.0.1"
	}
	u.Host = name + strings.TrimPrefix(u.Host, u.Hostname())
	return u.String()
}

// elsewhere is where redirects lead to.
func (p *Provider) elsewhere(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.ledger.write(Entry{Time: p.now(), Request: Elsewhere, Answer: r.Method})
	p.mu.Unlock()
	w.WriteHeader(http.StatusNotFound)
}

// unanswered is the answer that nobody gets.
func unanswered(*Provider) *reply {
	out := newReply(http.StatusServiceUnavailable)
	out.said = "silence"
	return out
}

func labelled(contentType string) func(*reply) {
	return func(out *reply) { out.header.Set("Content-Type", contentType) }
}

func (out *reply) asForm() {
	form := url.Values{}
	for name, value := range out.fields {
		form.Set(name, fmt.Sprint(value))
	}
	out.header.Set("Content-Type", "application/x-www-form-urlencoded")
	out.setBody([]byte(form.Encode()))
}

func (out *reply) withMark() { out.setBody(append([]byte("\ufeff"), out.text()...)) }

// asUTF16 encodes in little endian, with a byte order mark.
func (out *reply) asUTF16() {
	text, err := binary.Append(nil, binary.LittleEndian, utf16.Encode([]rune("\ufeff"+string(out.text()))))
	if err != nil { // a slice of numbers always encodes
		panic(err)
	}
	out.header.Set("Content-Type", "application/json; charset=utf-16")
	out.setBody(text)
}

func (out *reply) truncated() { out.setBody(out.text()[:len(out.text())/2]) }

const mebibyte = 1 << 20

// padded opens the JSON of an answer to a long string: what comes first, and what comes last.
func (out *reply) padded() (first, last []byte) {
	return append(bytes.TrimSuffix(out.text(), []byte("}")), `,"padding":"`...), []byte(`"}`)
}

func (out *reply) asHuge() {
	first, last := out.padded()
	out.body = []part{{first, 1}, {bytes.Repeat([]byte("0"), mebibyte), 100}, {last, 1}}
}

// asBomb unpacks to 1 GiB. A gzip file may have many members (RFC 1952 §2.2), so one of 1 MiB is packed once.
func (out *reply) asBomb() {
	first, last := out.padded()
	out.header.Set("Content-Encoding", "gzip")
	out.body = []part{{packed(first), 1}, {packedMebibyte(), 1024}, {packed(last), 1}}
}

var packedMebibyte = sync.OnceValue(func() []byte { return packed(bytes.Repeat([]byte("0"), mebibyte)) })

func packed(text []byte) []byte {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(text); err != nil { // a buffer takes everything
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return packed.Bytes()
}
