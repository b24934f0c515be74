package oauth

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/patchbay/patchbay/models"
)

// Exchange redeems an authorization code (RFC 6749 §4.1.3), once. It fails with token_retrieval_error, whose message
// holds the provider's error and error_description and nothing secret.
func (c *Client) Exchange(ctx context.Context, in *models.Integration, redirectURI string, code, verifier models.Secret) (models.Credentials, error) {
	if _, err := c.config(in, redirectURI); err != nil {
		return models.Credentials{}, err
	}
	form := url.Values{"grant_type": {models.GrantAuthorizationCode}, "code": {code.Reveal()}, "redirect_uri": {redirectURI}}
	if !in.Auth.DisablePKCE {
		form.Set("code_verifier", verifier.Reveal())
	}
	for name, value := range ownParams(in.Auth.TokenParams) {
		form.Set(name, value)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, err := c.post(ctx, in, in.Auth.TokenURL, form, nil)
	reply := parseReply(answer)
	if err != nil || !reply.granted() {
		failure := tokenError(in, "the authorization code", reply, err, code, verifier, in.OAuth.Secret, basicCredentials(in.OAuth))
		failure.Code = models.ConnectTokenRetrieval
		return models.Credentials{}, failure
	}
	return reply.credentials(), nil
}

// ErrNoRevocation says that a provider has no way to revoke a grant.
var ErrNoRevocation = errors.New("the provider has no revocation endpoint")

// Revocable reports whether a grant can be ended at the provider.
func Revocable(in *models.Integration, credentials models.Credentials) bool {
	return in.Auth.RevocationURL != "" && credentials.Type == models.AuthOAuth2
}

// Revoke ends a grant at the provider (RFC 7009 §2.1): by the refresh token, which ends the access tokens as well, or else
// by the access token. It fails with [ErrNoRevocation], or in words that are safe to show: with a [models.Error] whose kind is
// that of a provider in trouble where trying again may help.
func (c *Client) Revoke(ctx context.Context, in *models.Integration, credentials models.Credentials) error {
	if !Revocable(in, credentials) {
		return ErrNoRevocation
	}
	form := url.Values{"token": {credentials.RefreshToken.Reveal()}, "token_type_hint": {"refresh_token"}}
	if credentials.RefreshToken == "" {
		form = url.Values{"token": {credentials.AccessToken.Reveal()}, "token_type_hint": {"access_token"}}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, err := c.post(ctx, in, in.Auth.RevocationURL, form, nil)
	if err != nil {
		return tokenError(in, "", tokenReply{}, err)
	}
	if answer.Status < 200 || answer.Status > 299 {
		return revocationRefused(in, answer.Status)
	}
	return nil
}

// revocationRefused tells a provider that is in trouble (RFC 7009 §2.2.1) from one that will not revoke.
func revocationRefused(in *models.Integration, status int) error {
	refused := &models.Error{Kind: models.KindInvalid, Message: fmt.Sprintf("%s answered with status %d", in.Name, status)}
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout {
		refused.Kind = models.KindProviderFailed
	}
	return refused
}

// retryAfter reads seconds or a date (RFC 9110 §10.2.3); 0 where it is neither, or past.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}

// post sends a form as the integration's client (RFC 6749 §2.3.1). The answer is a reply whatever its status; an error tells
// that there was none, or not all of it. Where late is not nil, the form is not sent once it is.
func (c *Client) post(ctx context.Context, in *models.Integration, address string, form url.Values, late func() bool) (Reply, error) {
	inBody := in.Auth.AuthorizationMethod == models.ClientAuthBody
	if inBody {
		form.Set("client_id", in.OAuth.ID)
		if in.OAuth.Secret != "" {
			form.Set("client_secret", in.OAuth.Secret.Reveal())
		}
	}
	body, kind, err := encodeForm(form, in.Auth.BodyFormat)
	if err != nil {
		return Reply{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, &timely{bytes.NewReader(body), late})
	if err != nil {
		return Reply{}, err
	}
	request.ContentLength = int64(len(body))
	request.GetBody = nil // a code or a refresh token is sent once, whatever happens to the connection
	request.Header.Set("Content-Type", kind)
	request.Header.Set("Accept", "application/json")
	if !inBody {
		request.Header.Set("Authorization", "Basic "+basicCredentials(in.OAuth).Reveal())
	}
	response, err := c.http.Do(request)
	if err != nil {
		var wrapped *url.Error // which repeats the address
		if errors.As(err, &wrapped) && !wrapped.Timeout() {
			err = wrapped.Err
		}
		return Reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxReplyBytes+1))
	if err == nil && len(text) > maxReplyBytes {
		err = errReplyTooLong
	}
	return Reply{
		Status: response.StatusCode, RetryAfter: response.Header.Get("Retry-After"),
		Received: c.now(), Body: text,
	}, err
}

// timely is a body that is only sent in time: finding the host and connecting to it may have taken longer.
type timely struct {
	io.Reader
	late func() bool
}

func (t *timely) Read(p []byte) (int, error) {
	if t.late != nil && t.late() {
		return 0, errTooLate
	}
	return t.Reader.Read(p)
}

var errReplyTooLong = errors.New("the answer is longer than 1 MiB")

func encodeForm(form url.Values, format models.BodyFormat) (body []byte, contentType string, err error) {
	if format != models.BodyJSON {
		return []byte(form.Encode()), "application/x-www-form-urlencoded", nil
	}
	object := map[string]string{}
	for name := range form {
		object[name] = form.Get(name)
	}
	body, err = json.Marshal(object)
	return body, "application/json", err
}

// basicCredentials gives what client authentication by header sends (RFC 6749 §2.3.1).
func basicCredentials(client models.OAuthClient) models.Secret {
	pair := url.QueryEscape(client.ID) + ":" + url.QueryEscape(client.Secret.Reveal())
	return models.Secret(base64.StdEncoding.EncodeToString([]byte(pair)))
}
