package handlers

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

func (s *server) system(c echo.Context) error {
	status, err := s.System(c.Request().Context())
	if err != nil {
		return err
	}
	hooks, err := s.Webhooks.Standing(c.Request().Context())
	if err != nil {
		return err
	}
	page := views.SystemPage{
		Shell: s.shell(c, "System", views.NavSystem), Version: status.Version, Started: status.Started, Problems: status.Problems, Work: status.Work, Webhooks: *hooks,
		Database: []views.Fact{
			{Name: "Kind", Value: status.Database.Kind},
			{Name: "Size", Value: byteSize(status.Database.Bytes)},
			{Name: "Schema version", Value: strconv.FormatInt(status.Database.SchemaVersion, 10)},
		},
	}
	if problem := hooks.Problem(); problem != nil {
		page.Problems = append(page.Problems, *problem)
	}
	if page.Owner {
		page.Database = append(page.Database, views.Fact{Name: "Place", Value: status.Database.Place, Mono: true})
		page.Detail = s.systemDetail(status)
	}
	return render(c, http.StatusOK, views.System(page))
}

// systemDetail is what only the role admin sees.
func (s *server) systemDetail(status *models.SystemStatus) *views.SystemDetail {
	sandbox, proxies := "Off", "None: addresses are those of the connections"
	if status.Sandbox {
		sandbox = "On: a provider for trials is built in"
	}
	if len(status.TrustedProxies) > 0 {
		proxies = strings.Join(status.TrustedProxies, ", ")
	}
	detail := &views.SystemDetail{
		KeySource: status.KeyRing.Source, Keys: status.KeyRing.Keys,
		Settings: []views.Fact{
			{Name: "Public root", Value: status.RootURL, Mono: true},
			{Name: "Sandbox", Value: sandbox},
			{Name: "Trusted proxies", Value: proxies},
		},
	}
	for _, pass := range status.KeyRing.Resealings {
		if pass.Total > 0 || pass.FinishedAt == nil {
			detail.Rotation = append(detail.Rotation, pass)
		}
	}
	for _, value := range status.KeyRing.Damaged {
		row := views.DamagedRow{DamagedValue: value}
		if table, _, _ := strings.Cut(value.Place, "."); table == "connections" {
			row.Href = connectionPath(value.Row)
		}
		detail.Damaged = append(detail.Damaged, row)
	}
	for _, replica := range status.KeyRing.Replicas {
		detail.Servers = append(detail.Servers, views.ServerRow{Replica: replica, Alive: replica.Alive(s.Now())})
	}
	return detail
}

// byteSize gives a size in the unit that people would use.
func byteSize(n int64) string {
	size, unit := float64(n), "bytes"
	for _, larger := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if size < 1024 {
			break
		}
		size, unit = size/1024, larger
	}
	if unit == "bytes" {
		return strconv.FormatInt(n, 10) + " bytes"
	}
	return strconv.FormatFloat(size, 'f', 1, 64) + " " + unit
}
