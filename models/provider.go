package models

// Provider is one version of an entry of the catalogue, which integrations can extend.
type Provider struct {
	Name        string             `json:"name"`        // slack
	Version     string             `json:"version"`     // v0
	DisplayName string             `json:"displayName"` // Slack
	DocsURL     string             `json:"docsUrl"`     // how the provider describes its authorization
	ConsoleURL  string             `json:"consoleUrl"`  // where an OAuth app is registered, or a key made
	SetupNotes  string             `json:"setupNotes"`  // what to do there, in a few sentences
	Scopes      []string           `json:"scopes"`      // some that are often asked for; none is by default
	Auth        AuthDefinition     `json:"auth"`
	Requests    RequestsDefinition `json:"requests"`
}

// Ref is how integrations name this version: slack:v0.
func (p *Provider) Ref() string { return p.Name + ":" + p.Version }
