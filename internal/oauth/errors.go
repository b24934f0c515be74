package oauth

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/patchbay/patchbay/models"
)

// tokenError says why no token came, in words that are safe to show: the status, and what RFC 6749 §5.2 lets a provider
// explain. What was asked for is named as a part of "refused …".
func tokenError(in *models.Integration, asked string, reply tokenReply, err error, secrets ...models.Secret) *models.Error {
	failure := &models.Error{Kind: models.KindProviderFailed}
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		failure.Kind = models.KindProviderTimeout
		failure.Message = fmt.Sprintf("%s did not answer in time.", in.Name)
	case err != nil:
		failure.Message = fmt.Sprintf("%s could not be reached.", in.Name)
		failure.Cause = loggable(err)
	case reply.code != "":
		failure.Message = fmt.Sprintf("%s refused %s: %s", in.Name, asked, Explain(reply.code, reply.description, secrets...))
	case reply.fields == nil:
		failure.Message = fmt.Sprintf("%s answered with status %d and something that is not a token response.", in.Name, reply.status)
	default:
		failure.Message = fmt.Sprintf("%s answered with status %d and no access token.", in.Name, reply.status)
	}
	return failure
}

// loggable gives an error that may be logged. Those of net/http about answers that are no HTTP quote what came, which a
// provider may have filled with what it was sent.
func loggable(err error) error {
	var dial *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dial), errors.As(err, &certificate), errors.Is(err, errReplyTooLong), errors.Is(err, context.Canceled), errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return errors.New("the connection broke off, or the answer was no HTTP response")
}

// leastDisguised is how long a secret is at least to be looked for in disguise: shorter ones are found in any text.
const leastDisguised = 8

// disguises reports whether a text repeats a secret in another form than its own: escaped, encoded, in other letters, or with
// something invisible in between.
func disguises(text string, secrets []models.Secret) bool {
	plain := text
	for _, secret := range secrets {
		plain = strings.ReplaceAll(strings.ReplaceAll(plain, secret.Reveal(), ""), url.QueryEscape(secret.Reveal()), "")
	}
	plain = strings.ReplaceAll(plain, `\/`, "/")
	if unescaped, err := url.PathUnescape(plain); err == nil {
		plain += " " + unescaped
	}
	plain = squeezed(plain)
	for _, secret := range secrets {
		s := secret.Reveal()
		if len(s) < leastDisguised {
			continue
		}
		backwards := []byte(s)
		slices.Reverse(backwards)
		for _, form := range []string{
			s, string(backwards), hex.EncodeToString([]byte(s)), base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
		} {
			if strings.Contains(plain, squeezed(form)) {
				return true
			}
		}
	}
	return false
}

// squeezed leaves letters, digits and punctuation, in lower case.
func squeezed(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
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
	const leftOut = "[left out, because it repeats a secret]"
	switch {
	case disguises(code, secrets):
		return leftOut
	case disguises(text, secrets):
		text = code + ": " + leftOut
	}
	for _, secret := range secrets {
		for _, form := range []string{secret.Reveal(), url.QueryEscape(secret.Reveal())} {
			if form != "" {
				text = strings.ReplaceAll(text, form, secret.String())
			}
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
