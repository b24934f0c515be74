package sandbox

import (
	"encoding/json"
	"net/http"
	"time"
)

// Groups of vices, in the order of the page.
const (
	groupTerms     = "Rules for tokens"
	groupAnswers   = "Odd answers"
	groupDead      = "Dead refresh tokens"
	groupTrouble   = "Trouble at the provider"
	groupTransport = "Slow and broken connections"
)

// What connections come to, where many vices lead to the same.
const (
	expectNothing   = "The connection stays connected."
	expectReconnect = "The connection needs to be reconnected, and is not asked for again."
	expectTries     = "The refresh is tried again after growing pauses; when it is refused time and again, the connection needs to be reconnected."
	expectRetry     = "The status is Error until a later refresh succeeds. The access token at hand is given out as long as it lives."
	expectLost      = "The provider has issued a new refresh token that nobody received. The one at hand counts as used before: unless the provider tolerates that, the connection needs to be reconnected."
)

// Vices gives all vices, those of one group together.
func Vices() []Vice { return vices }

func viceNamed(name string) *Vice {
	for i := range vices {
		if vices[i].Name == name {
			return &vices[i]
		}
	}
	return nil
}

// vices are all there are. What one does beyond its words is in the functions it names.
var vices = []Vice{
	{
		Name: "same-refresh-token", Group: groupTerms, Expect: expectNothing,
		Does:  "Refreshing leaves the refresh token as it is, and the answer repeats it.",
		terms: func(t *terms, _ time.Duration) { t.rotates = false },
	},
	{
		Name: "no-refresh-token", Group: groupTerms, Expect: "The connection stays connected: the refresh token at hand is kept.",
		Does:   "Refreshing leaves the refresh token as it is, and the answer names none.",
		terms:  func(t *terms, _ time.Duration) { t.rotates = false },
		fields: without("refresh_token"),
	},
	{
		Name: "reuse-tolerated", Group: groupTerms, Amount: 10 * time.Second, Means: "Grace period",
		Does:   "A refresh token that was used before is accepted for a grace period.",
		Expect: "A refresh whose answer was lost can be repeated, and the connection stays connected.",
		terms:  func(t *terms, amount time.Duration) { t.reuse, t.grace = reuseTolerated, amount },
	},
	{
		Name: "reuse-refused", Group: groupTerms,
		Does:   "A refresh token that was used before is refused, and the newest one stays good. Without this vice, all that was granted ends.",
		Expect: "The connection stays connected, unless an answer is lost: then it needs to be reconnected.",
		terms:  func(t *terms, _ time.Duration) { t.reuse = reuseRefused },
	},
	{
		Name: "access-life", Group: groupTerms, Amount: 30 * time.Second, Means: "Life of an access token", Expect: expectNothing,
		Does:  "Access tokens end soon, and so are refreshed often.",
		terms: func(t *terms, amount time.Duration) { t.accessLife = amount },
	},
	{
		Name: "idle-life", Group: groupTerms, Amount: time.Minute, Means: "Life of an unused refresh token",
		Does:   "A refresh token that is not used for some time ends.",
		Expect: "The connection stays connected as long as it is refreshed often enough.",
		terms:  func(t *terms, amount time.Duration) { t.idleLife = amount },
	},

	{
		Name: "no-access-token", Group: groupAnswers, Expect: "The new refresh token is kept, and the refresh is tried again with it.",
		Does:   "The answer holds a new refresh token, and no access token.",
		fields: without("access_token"),
	},
	{
		Name: "expires-missing", Group: groupAnswers, Expect: expectNothing,
		Does: "The answer does not say how long the access token lives.", fields: without("expires_in"),
	},
	expiring("expires-zero", json.Number("0")),
	expiring("expires-negative", json.Number("-5")),
	expiring("expires-text", "3600"),
	expiring("expires-fraction", json.Number("3599.5")),
	expiring("expires-huge", json.Number("1e12")),
	expiring("expires-null", nil),
	{
		Name: "form-encoded", Group: groupAnswers, Expect: expectNothing,
		Does: "The answer is a form instead of JSON.", encode: (*reply).asForm,
	},
	{
		Name: "html-label", Group: groupAnswers, Expect: expectNothing,
		Does: "The answer is JSON that is labelled text/html.", encode: labelled("text/html; charset=utf-8"),
	},
	{
		Name: "byte-order-mark", Group: groupAnswers, Expect: expectNothing,
		Does: "The answer is JSON that begins with a byte order mark.", encode: (*reply).withMark,
	},
	{
		Name: "utf-16", Group: groupAnswers, Expect: expectNothing,
		Does: "The answer is JSON in UTF-16.", encode: (*reply).asUTF16,
	},
	{
		Name: "gzip-bomb", Group: groupAnswers, Expect: expectLost,
		Does: "The answer is small on the way and unpacks to 1 GiB.", encode: (*reply).asBomb,
	},
	{
		Name: "huge-body", Group: groupAnswers, Expect: expectLost,
		Does: "The answer is padded to 100 MB.", encode: (*reply).asHuge,
	},
	{
		Name: "truncated", Group: groupAnswers, Expect: expectLost,
		Does: "The answer is JSON that stops in the middle.", encode: (*reply).truncated,
	},
	{
		Name: "html-page", Group: groupAnswers, Expect: expectRetry,
		Does: "Status 200 with a page about maintenance; nothing is issued.",
		answer: func(*Provider) *reply {
			return textReply(http.StatusOK, "text/html; charset=utf-8", "<!doctype html><title>Back soon</title><h1>We are upgrading</h1>")
		},
	},
	refusing("ok-false", groupAnswers, expectTries, "Status 200 with ok: false and an error of its own; nothing is issued.",
		http.StatusOK, "ok", false, "error", "internal_error"),
	refusing("error-200", groupAnswers, expectTries, "Status 200 with an error instead of tokens; nothing is issued.",
		http.StatusOK, "error", "temporarily_unavailable", "error_description", "The service is busy."),
	refusing("error-object", groupAnswers, expectTries, "Status 400 with an error that is an object; nothing is issued.",
		http.StatusBadRequest, "error", map[string]string{"code": "OAuthException", "message": "Something went wrong."}),

	refusing("dead-400", groupDead, expectReconnect, "Status 400 invalid_grant, as the standard has it.",
		http.StatusBadRequest, "error", "invalid_grant", "error_description", "The refresh token has ended or was revoked."),
	refusing("dead-401", groupDead, expectReconnect, "Status 401 invalid_grant.",
		http.StatusUnauthorized, "error", "invalid_grant", "error_description", "The refresh token has ended or was revoked."),
	refusing("dead-bad-refresh-token", groupDead, expectReconnect, "Status 400 bad_refresh_token.",
		http.StatusBadRequest, "error", "bad_refresh_token", "error_description", "The refresh token is incorrect or has ended."),
	refusing("dead-unauthorized-client", groupDead, expectTries, "Status 400 unauthorized_client.",
		http.StatusBadRequest, "error", "unauthorized_client"),
	refusing("dead-invalid-request", groupDead, expectTries, "Status 400 invalid_request.",
		http.StatusBadRequest, "error", "invalid_request", "error_description", "The token is not valid."),
	{
		Name: "dead-empty", Group: groupDead, Expect: expectTries, Does: "Status 400 with nothing in it.",
		answer: func(*Provider) *reply { return newReply(http.StatusBadRequest) },
	},
	refusing("dead-ok-false", groupDead, expectReconnect, "Status 200 with ok: false and invalid_refresh_token.",
		http.StatusOK, "ok", false, "error", "invalid_refresh_token"),

	failing("status-500", http.StatusInternalServerError, "Status 500 with a page."),
	failing("status-502", http.StatusBadGateway, "Status 502 with a page."),
	failing("status-503", http.StatusServiceUnavailable, "Status 503 with a page."),
	limiting("retry-in-30", "in 30 seconds", func(*Provider) string { return "30" }),
	limiting("retry-at-date", "in 30 seconds, said as a date", func(p *Provider) string {
		return p.now().Add(30 * time.Second).UTC().Format(http.TimeFormat)
	}),
	limiting("retry-in-1e9", "in 1,000,000,000 seconds", func(*Provider) string { return "1000000000" }),
	limiting("retry-in-past", "in -1 seconds", func(*Provider) string { return "-1" }),
	limiting("retry-garbage", "at a time nobody can read", func(*Provider) string { return "soon; \u00fe" }),

	{
		Name: "slow", Group: groupTransport, Amount: 5 * time.Second, Means: "Time before the tokens are issued",
		Does: "The provider takes its time, then issues the tokens.", Expect: "The refresh takes as long, and is given up after 15 seconds.",
		early: true,
	},
	{
		Name: "slow-answer", Group: groupTransport, Amount: 5 * time.Second, Means: "Time from issue to answer",
		Does: "The tokens are issued at once, and the answer takes its time.", Expect: "The refresh takes as long. After 15 seconds the answer is lost, and with it the new refresh token.",
		send: sendLate,
	},
	{
		Name: "drip", Group: groupTransport, Expect: expectLost,
		Does: "The answer comes by one byte a second.", send: sendDripping,
	},
	{
		Name: "silent", Group: groupTransport, Expect: expectRetry,
		Does: "No answer ever comes, and nothing is issued.", answer: unanswered, send: sendNothing,
	},
	{
		Name: "lost-before", Group: groupTransport, Expect: expectLost,
		Does: "The tokens are issued, then the connection is cut before the answer.", send: cutBefore,
	},
	{
		Name: "lost-within", Group: groupTransport, Expect: expectLost,
		Does: "The tokens are issued, then the connection is cut in the middle of the answer.", send: cutWithin,
	},
	redirecting("redirect-302", http.StatusFound),
	redirecting("redirect-307", http.StatusTemporaryRedirect),
}
