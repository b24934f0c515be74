// Package integrations reads the integrations an operator configured in integrations.yaml and finds them by name. It
// substitutes environment variables and reports every fault of a file with its place; it never fills the placeholders
// of requests, which belong to a connection.
package integrations
