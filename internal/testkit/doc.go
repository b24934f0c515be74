// Package testkit holds what tests of several packages share: a real browser driven by what a person sees, and a real
// OpenID Provider as counterparty. It is imported by tests only, and knows nothing of the rest of the product.
package testkit
