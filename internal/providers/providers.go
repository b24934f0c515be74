// Package providers is the catalogue of providers that integrations can extend: one file for each, named after it. It is
// data alone; internal/integrations reads it, with the reader of integrations.yaml.
package providers

import "embed"

// Files holds the catalogue: slack.yaml is the provider slack.
//
//go:embed *.yaml
var Files embed.FS
