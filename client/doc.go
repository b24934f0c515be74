// Package client calls the API of a Patchbay server from Go.
//
//	patchbay, err := client.New("https://patchbay.example.com", os.Getenv("PATCHBAY_API_KEY"))
//
// Methods are named after the operations of the server and take the integration before the user id. A [Client] keeps no
// state and may be used by many goroutines.
//
// # Errors
//
// What the server refuses is an [*Error], whose Code says why; [HasCode] asks for one. An Error whose Status is 0 was
// found by the client itself, before anything was sent; one without a Code is what something else answered, such as a
// proxy. Any other error means that no answer came, or one that cannot be read. No error holds the API key.
//
// # Retries
//
// A call is tried up to three times, with growing waits and never before the moment that Retry-After names: after a lost
// connection and the statuses 502 and 504, where a repetition changes nothing, and after 429 and 503. A wait that the
// context has no time for, or of more than 30 seconds, ends the call with the last error. Each POST carries an
// Idempotency-Key of its own, by which the server tells a repetition from a second request. Two things follow from a lost
// answer: a repeated [Client.DeleteConnection] can report unknown_connection for what the first try deleted, and writes
// with [IfMatch], which a repetition could not tell from a conflict, are left to the caller.
//
// # JSON
//
// additionalConfig and the raw credentials are [encoding/json.RawMessage] and are sent and received byte for byte. Mind that
// encoding/json removes white space from a RawMessage when it encodes the value that holds it.
package client
