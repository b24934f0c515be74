// Package sandbox is a small OAuth 2 provider that is built in, for the first run, the demo and the tests: a pretend
// company called Sandbox with pretend accounts, but a real authorization server (RFC 6749, 7636, 7009, 7662, 9207).
// It can be told to misbehave in the ways that real providers do, its vices, and keeps a ledger of what it issued: what
// a test counts there is what a provider saw.
//
// Everything it knows is in memory and lost at restart; a connection to it then has to be made again. It shares no
// code with the side of Patchbay that speaks to providers, and must not be offered beyond loopback, because anyone can
// be any of its accounts.
package sandbox
