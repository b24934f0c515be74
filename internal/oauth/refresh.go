package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/patchbay/patchbay/models"
)

// Reply is the answer of a token endpoint as it came, before anybody has tried to understand it. It holds tokens.
type Reply struct {
	Status     int
	RetryAfter string
	Received   time.Time
	Body       []byte
}

// lastRead is how long an answer that has come may still be read when the time to ask is up: after the process was stopped
// for a while, the answer waits in the socket, and a rotated refresh token with it.
const lastRead = 2 * time.Second

// AskRefresh asks for a new access token (RFC 6749 §6), once, and gives the answer unread. Within bounds when the request may
// be sent and how long the answer is awaited, from began on. An error says that there is no answer; what the provider did is
// not known then. It is to be read by [ReadRefresh].
func (c *Client) AskRefresh(ctx context.Context, in *models.Integration, refreshToken models.Secret, began time.Time, within time.Duration) (Reply, error) {
	within = min(within, c.timeout)
	// By both clocks: the one that cannot be set stands still while the machine sleeps.
	late := func() bool { return time.Since(began) > within || time.Now().Round(0).Sub(began.Round(0)) > within }
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	up := time.AfterFunc(within-time.Since(began), func() { time.AfterFunc(lastRead, cancel) })
	defer up.Stop()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken.Reveal()}}
	for name, value := range ownParams(in.Auth.TokenParams) {
		form.Set(name, value)
	}
	reply, err := c.post(ctx, in, cmp.Or(in.Auth.RefreshURL, in.Auth.TokenURL), form, late)
	switch {
	case err == nil || reply.holdsTokens():
		return reply, nil // also where the connection broke off behind them
	case ctx.Err() != nil:
		return reply, errTooLate
	}
	return reply, err
}

// holdsTokens reports whether an answer that may not be whole grants something.
func (r Reply) holdsTokens() bool {
	reply := parseReply(r)
	return r.Status >= 200 && r.Status < 300 && (reply.text("access_token") != "" || reply.text("refresh_token") != "")
}

// errTooLate says that the time to ask is over.
var errTooLate error = tooLate{}

type tooLate struct{}

func (tooLate) Error() string { return "the time to ask is over" }
func (tooLate) Timeout() bool { return true }

// Verdict is what a failed refresh means for the grant.
type Verdict int

// The verdicts. The zero value costs nobody a connection.
const (
	Unavailable Verdict = iota // the provider, the network or our client is in trouble; the grant is not
	Refused                    // the provider refused, and did not say why; time will tell
	Dead                       // the grant has ended for certain
)

// RefreshFailure is a refresh that gave no access token.
type RefreshFailure struct {
	Verdict    Verdict
	Reason     string        // one sentence in plain words
	Answer     string        // the provider's status and words, bounded, free of secrets; empty where it gave none
	RetryAfter time.Duration // how long it asks to be left alone
	Timeout    bool          // there was no answer in time
	Cause      error         // for the log
}

// Error gives the failure as the API tells it, with refresh_failed or refresh_timeout.
func (f *RefreshFailure) Error() *models.Error {
	failure := &models.Error{Kind: models.KindProviderFailed, Code: models.CodeRefreshFailed, Message: f.Reason, Cause: f.Cause, RetryAfter: f.RetryAfter}
	if f.Answer != "" {
		failure.Message += " It answered: " + f.Answer + "."
	}
	if f.Timeout {
		failure.Kind, failure.Code = models.KindProviderTimeout, models.CodeRefreshTimeout
	}
	return failure
}

// ReadRefresh reads what [Client.AskRefresh] gave for a refresh token. A provider that does not rotate refresh tokens sends
// none; then the one used is kept. Beside a failure, the credentials hold a refresh token only when the answer, odd as it is,
// brought a new one.
func ReadRefresh(in *models.Integration, used models.Secret, answer Reply, askErr error) (models.Credentials, *RefreshFailure) {
	if askErr != nil {
		return models.Credentials{}, unanswered(in, askErr)
	}
	reply := parseReply(answer)
	credentials := reply.credentials()
	if reply.granted() {
		if credentials.RefreshToken == "" {
			credentials.RefreshToken = used
		}
		return credentials, nil
	}
	failure := reply.judge(in)
	if failure.RetryAfter = retryAfter(answer.RetryAfter, answer.Received); failure.RetryAfter > 0 && failure.Verdict == Refused {
		failure.Verdict = Unavailable // who says when to come again has not ended anything
	}
	failure.Answer = reply.answer(answer, used, credentials.AccessToken, credentials.RefreshToken, in.OAuth.Secret, basicCredentials(in.OAuth))
	rotated := models.Credentials{Type: models.AuthOAuth2}
	if failure.Verdict != Dead && reply.status < 300 && credentials.RefreshToken != used {
		rotated.RefreshToken = credentials.RefreshToken
	}
	return rotated, failure
}

func unanswered(in *models.Integration, err error) *RefreshFailure {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &RefreshFailure{Timeout: true, Reason: in.Name + " did not answer in time."}
	}
	if errors.Is(err, errReplyTooLong) {
		return &RefreshFailure{Reason: in.Name + " gave an answer of more than 1 MiB."}
	}
	return &RefreshFailure{Reason: in.Name + " could not be reached.", Cause: loggable(err)}
}

// deadTokenErrors are the error codes by which providers say that a refresh token will never work again, whatever the status:
// that of RFC 6749 §5.2, and those of GitHub, HubSpot, Slack and others. An integration may add to them.
var deadTokenErrors = []string{
	"bad_refresh_token", "expired_token", "invalid_grant", "invalid_refresh_token", "refresh_token_expired", "token_expired", "token_revoked",
}

// passingErrors are those that will pass, whatever the status (RFC 6749 §4.1.2.1, RFC 8628 §3.5).
var passingErrors = []string{"server_error", "slow_down", "temporarily_unavailable"}

// clientErrors are those by which a provider refuses our client, and not the grant (RFC 6749 §5.2).
var clientErrors = []string{"incorrect_client_credentials", "invalid_client", "invalid_client_id", "bad_client_secret"}

// judge says what an answer without an access token means. What is not known to be the end of the grant is not taken for it.
func (r *tokenReply) judge(in *models.Integration) *RefreshFailure {
	known := func(codes []string) bool {
		return slices.ContainsFunc(codes, func(code string) bool { return strings.EqualFold(code, r.code) })
	}
	switch {
	case known(deadTokenErrors) || r.code != "" && known(in.Auth.DeadTokenErrors):
		return &RefreshFailure{Verdict: Dead, Reason: in.Name + " no longer accepts the refresh token: access was revoked, or has expired."}
	case known(passingErrors):
		return &RefreshFailure{Reason: in.Name + " is in trouble."}
	case known(clientErrors):
		return &RefreshFailure{Reason: in.Name + " refuses the client id or the client secret of the integration. Check them; connections recover by themselves."}
	case r.status == http.StatusTooManyRequests:
		return &RefreshFailure{Reason: in.Name + " asks to be left alone for a while."}
	case r.status >= 500 || r.status == http.StatusRequestTimeout:
		return &RefreshFailure{Reason: in.Name + " is in trouble."}
	case r.status >= 300 && r.status < 400:
		return &RefreshFailure{Reason: "The token endpoint of " + in.Name + " redirects to another address, which is not followed. Check the addresses of the integration."}
	case r.status == http.StatusNotFound || r.status == http.StatusMethodNotAllowed || r.status == http.StatusUnsupportedMediaType:
		return &RefreshFailure{Reason: "The token endpoint of " + in.Name + " does not take the request. Check the addresses and body_format of the integration."}
	case r.fields == nil && (r.status == http.StatusUnauthorized || r.status == http.StatusForbidden):
		return &RefreshFailure{Reason: "Something before the token endpoint of " + in.Name + " refused the request."}
	case r.status >= 400 || r.code != "" || r.saysNo():
		return &RefreshFailure{Verdict: Refused, Reason: in.Name + " refused to refresh the access token, without saying that access has ended."}
	}
	return &RefreshFailure{Reason: in.Name + " gave an answer without an access token."}
}

// answer tells in the provider's own words what it said, as far as they are known to be words, free of secrets.
func (r *tokenReply) answer(reply Reply, secrets ...models.Secret) string {
	status := strings.TrimSpace(fmt.Sprintf("%d %s", reply.Status, http.StatusText(reply.Status)))
	switch {
	case r.code != "" || r.description != "":
		return status + ", " + Explain(r.code, r.description, secrets...)
	case len(reply.Body) == 0:
		return status + ", and nothing else"
	case r.fields == nil:
		return fmt.Sprintf("%s, and %d bytes that are no token response", status, len(reply.Body))
	}
	return status
}
