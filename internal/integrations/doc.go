// Package integrations reads the integrations an operator configured, in integrations.yaml or by API, and finds them by
// name. It lays them over the provider catalogue, substitutes environment variables in the file, and reports every fault
// with its place; it never fills the placeholders of requests, which belong to a connection.
package integrations
