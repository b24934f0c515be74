// Package oauth speaks OAuth 2 (RFC 6749, RFC 7636, RFC 9207) with providers: it builds authorization URLs and exchanges
// codes for credentials. It is the only importer of golang.org/x/oauth2 and owns every outbound connection to a
// provider: which addresses may be reached, how long and how large an answer may be, and what counts as one. It stores
// nothing.
package oauth
