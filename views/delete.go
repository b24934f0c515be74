package views

// ConnectionDeletePage asks before a connection is deleted, and says what is lost.
type ConnectionDeletePage struct {
	Shell
	UserID      string
	Integration string
	Href        string   // the connection's page
	Action      string   // address the form posts to
	Credentials []string // names of those held: "Access token"
	Config      string   // the additionalConfig; empty where it holds nothing
	Tags        []string
	Granted     bool // the end user granted access at the provider
	Revocable   bool // the provider can be asked to revoke the grant
}
