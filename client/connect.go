package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// ConnectSessionRequest asks for a link by which an end user connects in the browser.
type ConnectSessionRequest struct {
	UserID       string        // whose connection it will be
	UserLabel    string        // how the page calls the user; the user id where empty
	Integrations []string      // which ones are offered; nil for all
	ReturnURL    string        // where the browser goes afterwards, on a registered origin
	Confirm      bool          // the connection stays pending until [Client.RedeemClaim]; needs ReturnURL
	ExpiresIn    time.Duration // from a minute to a day; half an hour where 0
}

// ConnectLink is a new connect session with its token, which is given out once. Printing and logging it shows neither token
// nor URL; encoding/json encodes them, because the browser needs them.
type ConnectLink struct {
	ID        string    `json:"id"`
	Token     string    `json:"token"` // for the browser library
	URL       string    `json:"url"`   // or for a link, which holds the token
	ExpiresAt time.Time `json:"expiresAt"`
}

// String tells id and end.
func (l ConnectLink) String() string {
	return fmt.Sprintf("connect link %s until %s [redacted]", l.ID, l.ExpiresAt.Format(time.RFC3339))
}

// Format tells id and end, whatever the verb.
func (l ConnectLink) Format(f fmt.State, _ rune) { io.WriteString(f, l.String()) }

// LogValue tells id and end in log/slog.
func (l ConnectLink) LogValue() slog.Value { return slog.StringValue(l.String()) }

// CreateConnectSession makes a link by which one end user connects. It fails with invalid_user_id, unknown_integration and
// invalid_return_url.
func (c *Client) CreateConnectSession(ctx context.Context, session ConnectSessionRequest) (*ConnectLink, error) {
	if err := encodable(session.UserID); err != nil {
		return nil, err
	}
	if session.Integrations != nil && len(session.Integrations) == 0 { // nothing must not come to mean everything
		return nil, refused(CodeInvalidParameter, "Integrations is an empty list; name at least one, or leave it nil to offer all.")
	}
	body, err := json.Marshal(struct {
		UserID       string   `json:"userId"`
		UserLabel    string   `json:"userLabel,omitzero"`
		Integrations []string `json:"integrations,omitzero"`
		ReturnURL    string   `json:"returnUrl,omitzero"`
		Confirm      bool     `json:"confirm,omitzero"`
		ExpiresIn    int64    `json:"expiresIn,omitzero"`
	}{
		session.UserID, session.UserLabel, session.Integrations, session.ReturnURL, session.Confirm,
		int64(session.ExpiresIn / time.Second),
	})
	if err != nil {
		return nil, err
	}
	return fetch[ConnectLink](ctx, c, request{method: http.MethodPost, path: []string{"connect-sessions"}, body: body})
}

// ConnectSession is how far an end user has come with a link.
type ConnectSession struct {
	ID           string           `json:"id"`
	UserID       string           `json:"userId"`
	UserLabel    string           `json:"userLabel"`
	Integrations []string         `json:"integrations"` // empty for all
	ReturnURL    string           `json:"returnUrl"`
	Confirm      bool             `json:"confirm"`
	ExpiresAt    time.Time        `json:"expiresAt"`
	Attempts     []ConnectAttempt `json:"attempts"`
}

// ConnectAttempt is one run of the browser flow. Error is nil where it has not failed.
type ConnectAttempt struct {
	Integration string        `json:"integration"`
	Status      AttemptStatus `json:"status"`
	Error       *ConnectError `json:"error"`
}

// AttemptStatus is how far an attempt has come.
type AttemptStatus string

// The stages of an attempt.
const (
	AttemptStarted   AttemptStatus = "started"   // the browser was sent to the provider
	AttemptConsumed  AttemptStatus = "consumed"  // it came back and the server is at work
	AttemptPending   AttemptStatus = "pending"   // to be redeemed by [Client.RedeemClaim]
	AttemptSucceeded AttemptStatus = "succeeded" // the connection is stored
	AttemptFailed    AttemptStatus = "failed"
)

// ConnectError is why an attempt failed: a type that never changes its meaning, and one readable sentence.
type ConnectError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// GetConnectSession gives a connect session by its id. It fails with not_found.
func (c *Client) GetConnectSession(ctx context.Context, id string) (*ConnectSession, error) {
	return fetch[ConnectSession](ctx, c, request{method: http.MethodGet, path: []string{"connect-sessions", id}})
}

// DeleteConnectSession makes a link worthless. It fails with not_found.
func (c *Client) DeleteConnectSession(ctx context.Context, id string) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, path: []string{"connect-sessions", id}})
	return err
}

// RedeemClaim makes a pending connection usable. claim is what the browser came back with, userID is who is signed in
// there: the proof that the one who granted access is that user. It fails with forbidden when the claim is another
// user's, and with not_found when it is unknown, used or expired.
func (c *Client) RedeemClaim(ctx context.Context, claim, userID string) (*Connection, error) {
	if err := encodable(userID); err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{"claim": claim, "userId": userID})
	if err != nil {
		return nil, err
	}
	return c.connection(ctx, request{method: http.MethodPost, path: []string{"connect-sessions", "claim"}, body: body})
}
