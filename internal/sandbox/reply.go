package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// reply is an answer of the token or the revocation endpoint before it is sent.
type reply struct {
	status int
	header http.Header
	fields map[string]any // of a JSON answer; nil for another one, and for an empty one
	issued bool           // the fields hold tokens that were issued
	body   []part
	said   string // what the ledger keeps of it; status and error code where empty
}

// part is a text that a body repeats.
type part struct {
	text  []byte
	times int
}

func newReply(status int) *reply { return &reply{status: status, header: http.Header{}} }

// jsonReply makes an answer of fields, given as name and value in turn.
func jsonReply(status int, pairs ...any) *reply {
	out := newReply(status)
	out.header.Set("Content-Type", "application/json")
	out.fields = make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		out.fields[pairs[i].(string)] = pairs[i+1]
	}
	return out
}

func textReply(status int, contentType, text string) *reply {
	out := newReply(status)
	out.header.Set("Content-Type", contentType)
	out.setBody([]byte(text))
	return out
}

// reply gives the failure as an answer.
func (e *oauthError) reply() *reply {
	out := jsonReply(e.status, "error", e.Code, "error_description", e.Description)
	if e.status == http.StatusUnauthorized {
		out.header.Set("WWW-Authenticate", `Basic realm="sandbox"`)
	}
	return out
}

func (out *reply) setBody(text []byte) { out.body = []part{{text, 1}} }

// text gives the body of an answer that repeats nothing.
func (out *reply) text() []byte {
	if len(out.body) == 0 {
		return nil
	}
	return out.body[0].text
}

// encode writes the fields as JSON, as the provider does where no vice shows.
func (out *reply) encode() {
	if out.fields == nil {
		return
	}
	text, err := json.Marshal(out.fields)
	if err != nil { // the fields are this package's own
		panic(fmt.Sprintf("sandbox: encode an answer: %v", err))
	}
	out.setBody(text)
}

func (out *reply) size() (bytes int) {
	for _, p := range out.body {
		bytes += len(p.text) * p.times
	}
	return bytes
}

// summary is what the ledger keeps of an answer: nothing secret.
func (out *reply) summary() string {
	if out.said != "" {
		return out.said
	}
	if code, ok := out.fields["error"].(string); ok {
		return fmt.Sprintf("%d %s", out.status, code)
	}
	return strconv.Itoa(out.status)
}

// sender sends an answer.
type sender func(w http.ResponseWriter, r *http.Request, out *reply)

// begin sends the head of an answer.
func (out *reply) begin(w http.ResponseWriter) {
	for name, values := range out.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(out.size()))
	w.WriteHeader(out.status)
}

// sendWhole sends all of an answer, until the client goes.
func sendWhole(w http.ResponseWriter, _ *http.Request, out *reply) {
	out.begin(w)
	for _, p := range out.body {
		for range p.times {
			if _, err := w.Write(p.text); err != nil {
				return
			}
		}
	}
}

// sendLate sends an answer after a while.
func sendLate(next sender, amount time.Duration) sender {
	return func(w http.ResponseWriter, r *http.Request, out *reply) {
		if wait(r, amount) {
			next(w, r, out)
		}
	}
}

// dripInterval is the time from one byte of a dripping answer to the next.
const dripInterval = time.Second

func sendDripping(sender, time.Duration) sender {
	return func(w http.ResponseWriter, r *http.Request, out *reply) {
		out.begin(w)
		for b := range bytes.SplitSeq(out.text(), nil) {
			if _, err := w.Write(b); err != nil || http.NewResponseController(w).Flush() != nil || !wait(r, dripInterval) {
				return
			}
		}
	}
}

// sendNothing leaves the client waiting until it goes.
func sendNothing(sender, time.Duration) sender {
	return func(_ http.ResponseWriter, r *http.Request, _ *reply) {
		<-r.Context().Done()
		cut()
	}
}

// cutBefore ends the connection in place of the answer.
func cutBefore(sender, time.Duration) sender {
	return func(http.ResponseWriter, *http.Request, *reply) { cut() }
}

// cutWithin ends the connection in the middle of the answer.
func cutWithin(sender, time.Duration) sender {
	return func(w http.ResponseWriter, _ *http.Request, out *reply) {
		out.begin(w)
		text := out.text()
		_, _ = w.Write(text[:len(text)/2]) // fails only when the client has gone
		_ = http.NewResponseController(w).Flush()
		cut()
	}
}

// cut ends the connection of a request, which the server does not take for a fault of its own.
func cut() { panic(http.ErrAbortHandler) }

// wait reports whether the client is still there after a while.
func wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
