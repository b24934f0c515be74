package views

import (
	"time"

	"github.com/patchbay/patchbay/models"
)

// What the gallery shows its components with.
var (
	galleryTime   = time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC)
	galleryNames  = []string{"airtable", "discord", "github", "google-calendar", "hubspot", "linear", "notion", "salesforce", "shopify", "slack", "stripe", "zendesk"}
	galleryCounts = models.StatusCounts{
		models.StatusConnected: 812, models.StatusExpiring: 41, models.StatusNeedsReconnect: 77,
		models.StatusError: 20, models.StatusDisabled: 35, models.StatusPending: 12,
	}
	galleryConnect = ConnectForm{
		Label: "Connect", AskUser: true, ReturnTo: "/dev/gallery", Disabled: "Connecting takes the role operator or admin.",
		Integrations: []Option{{"slack", "slack", true}, {"github", "github", false}},
	}
	galleryEditor = ConfigEditor{
		Action: "/dev/gallery", Text: "{\n  \"a\": 1\n  \"b\": 2\n}",
		Fault: &ConfigFault{Line: 3, Column: 3, Message: "line 3, column 3: expected ',' or '}' after a value, found '\"'", Quoted: `  "b": 2`},
	}
	galleryRows = []ConnectionRow{
		{
			Href: "#lists", UserID: "acme-corp", Integration: "slack", IntegrationHref: "#lists", Status: models.StatusConnected,
			ExpiresAt: &galleryTime, Refreshable: true, DateCreated: galleryTime, LastModified: galleryTime,
		},
		{
			Href: "#lists", UserID: "42", Integration: "github", IntegrationHref: "#lists", Status: models.StatusNeedsReconnect,
			Detail: "The refresh token was revoked on 3 May.", DateCreated: galleryTime, LastModified: galleryTime,
		},
	}
)
