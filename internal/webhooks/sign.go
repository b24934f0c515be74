package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/patchbay/patchbay/models"
)

// Headers of a message (Standard Webhooks, "Webhook headers").
const (
	headerID        = "webhook-id"
	headerTimestamp = "webhook-timestamp"
	headerSignature = "webhook-signature"
)

// sign adds the headers by which a receiver knows a message. Each secret gives a signature.
func sign(header http.Header, messageID string, at time.Time, body string, secrets []models.Secret) error {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		signature, err := signature(messageID, at, body, secret)
		if err != nil {
			return err
		}
		signatures[i] = signature
	}
	header.Set(headerID, messageID)
	header.Set(headerTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(headerSignature, strings.Join(signatures, " "))
	return nil
}

// signature gives the symmetric signature of a message (Standard Webhooks, "Signature scheme"): HMAC-SHA256 of
// id.timestamp.body under what the secret holds after its prefix, in base64.
func signature(messageID string, at time.Time, body string, secret models.Secret) (string, error) {
	_, text, _ := strings.Cut(secret.Reveal(), "_")
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) == 0 {
		return "", fmt.Errorf("the secret of a webhook endpoint is not in base64")
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", messageID, at.Unix(), body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
