package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/patchbay/patchbay/models"
)

// tokenError says why no token came, in words that are safe to show: the status, and what RFC 6749 §5.2 lets a provider
// explain. The error of x/oauth2 holds the whole answer and is dropped.
func tokenError(ctx context.Context, in *models.Integration, t *tokenTransport, err error, secrets ...models.Secret) error {
	failure := &models.Error{Kind: models.KindProviderFailed, Code: models.ConnectTokenRetrieval}
	var transportError *url.Error
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		failure.Kind = models.KindProviderTimeout
		failure.Message = fmt.Sprintf("%s did not answer within %d seconds.", in.Name, int(callTimeout.Seconds()))
	case t.reply.code != "":
		failure.Message = fmt.Sprintf("%s refused the authorization code: %s", in.Name, Explain(t.reply.code, t.reply.description, secrets...))
	case errors.As(err, &transportError):
		failure.Message = fmt.Sprintf("%s could not be reached.", in.Name)
		failure.Cause = transportError.Err
	case t.reply.fields == nil:
		failure.Message = fmt.Sprintf("%s answered with status %d and something that is not a token response.", in.Name, t.reply.status)
	default:
		failure.Message = fmt.Sprintf("%s answered with status %d and no access token.", in.Name, t.reply.status)
	}
	return failure
}

// maxExplanation bounds, in characters, what a provider's own words may take up on a page.
const maxExplanation = 300

// Explain joins a provider's error and error_description (RFC 6749 §4.1.2.1) into a sentence without control
// characters, bounded, and with every given secret taken out.
func Explain(code, description string, secrets ...models.Secret) string {
	text := code
	if description != "" {
		text += ": " + description
	}
	for _, secret := range secrets {
		if s := secret.Reveal(); s != "" {
			text = strings.ReplaceAll(text, s, secret.String())
		}
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if runes := []rune(text); len(runes) > maxExplanation {
		text = string(runes[:maxExplanation]) + "…"
	}
	return text
}
