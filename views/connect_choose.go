package views

// ConnectChoosePage lets an end user choose what to connect, where a connect link covers several integrations.
type ConnectChoosePage struct {
	Theme      Theme
	App        string // the application's name
	UserLabel  string // whose accounts they are
	Choices    []ConnectChoice
	CancelHref string // empty where there is nowhere to go back to
	Popup      bool
}

// ConnectChoice is one integration that can be connected.
type ConnectChoice struct {
	Integration string
	Href        string // its own connect page
	Connected   bool
}
