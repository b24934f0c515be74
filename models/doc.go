// Package models owns the nouns of Patchbay and the rules about them: what a connection, its credentials, its
// configuration, an integration and a connect attempt look like, and what makes each of them valid. It does no I/O and
// knows neither the database nor HTTP; parsing and validation of what people type live here.
package models
