package handlers

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/models"
)

// apiConnection is the public connection: everything but credentials.
type apiConnection struct {
	UUID             string          `json:"uuid" format:"uuid" doc:"Set when the connection is first registered; never changes."`
	Integration      string          `json:"integration" example:"slack"`
	UserID           string          `json:"userId" doc:"The user's id in your application." example:"42"`
	DateCreated      time.Time       `json:"dateCreated"`
	LastModified     time.Time       `json:"lastModified" doc:"Moves with every change by you, an operator or the server, also a token refresh."`
	AuthMode         models.AuthMode `json:"authMode" enum:"OAUTH2,OAUTH1,API_KEY,USERNAME_PASSWORD,OAUTH2_CC"`
	Status           models.Status   `json:"status" enum:"connected,expiring,needs_reconnect,error,disabled,pending" doc:"expiring: cannot be refreshed and ends within 24 h. error: transient, retrying."`
	StatusReason     string          `json:"statusReason" doc:"Why it is not connected, in a sentence, where there is more to say than the status does."`
	ExpiresAt        *time.Time      `json:"expiresAt" nullable:"true" doc:"Of the access token; null where the provider named no end."`
	Refreshable      bool            `json:"refreshable" doc:"Whether a refresh token is held."`
	Tags             []string        `json:"tags" nullable:"false"`
	Version          int64           `json:"version" doc:"Counts the changes of the connection."`
	AdditionalConfig json.RawMessage `json:"additionalConfig,omitempty" doc:"Your object for this connection, with the very bytes it was stored with."`
}

func (s *server) publicConnection(c *models.Connection) apiConnection {
	return apiConnection{
		UUID: c.UUID, Integration: c.Integration, UserID: c.UserID, DateCreated: c.DateCreated, LastModified: c.LastModified,
		AuthMode: c.AuthMode, Status: c.Status(s.Now()), StatusReason: c.Trouble(), ExpiresAt: c.ExpiresAt, Refreshable: c.Refreshable,
		Tags: c.Tags, Version: c.Version, AdditionalConfig: json.RawMessage(c.AdditionalConfig),
	}
}

func (a apiConnection) encode() ([]byte, error) {
	config := a.AdditionalConfig
	a.AdditionalConfig = nil
	text, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	return models.SpliceJSON(text, fieldConfig, config), nil
}

// writeConnection answers with a connection and its ETag.
func (s *server) writeConnection(c echo.Context, status int, conn *models.Connection) error {
	c.Response().Header().Set(headerETag, etag(conn))
	return writeJSON(c, status, s.publicConnection(conn))
}

// pair finds the connection that the path names.
func (s *server) pair(c echo.Context) (*models.Connection, error) {
	integration, userID, err := pairOf(c)
	if err != nil {
		return nil, err
	}
	return s.Connections.Find(c.Request().Context(), integration, userID)
}

func pairOf(c echo.Context) (integration, userID string, err error) {
	if integration, err = pathParam(c, "integration"); err != nil {
		return "", "", err
	}
	userID, err = pathParam(c, "userId")
	return integration, userID, err
}

func connectionURL(integration, userID string) string {
	return apiPrefix + "/connections/" + url.PathEscape(integration) + "/" + url.PathEscape(userID)
}

type registerRequest struct {
	Integration      string          `json:"integration"`
	UserID           string          `json:"userId" doc:"1 to 512 bytes of UTF-8 without control characters." minLength:"1"`
	Credentials      json.RawMessage `json:"credentials" doc:"An object with the properties of the integration's auth mode."`
	AdditionalConfig json.RawMessage `json:"additionalConfig,omitempty" doc:"Your own object for this connection, at most 256 KiB; {} where absent."`
	Tags             []string        `json:"tags,omitempty" doc:"At most 50, of at most 100 bytes each." maxItems:"50"`
}

func (s *server) registerConnection(c echo.Context) error {
	body, err := readBody(c)
	if err != nil {
		return err
	}
	var r registerRequest
	if err := unmarshalStrict(body, &r); err != nil {
		return cmp.Or(repeatedConfigKey(body), err)
	}
	if err := reach(c, r.Integration); err != nil {
		return err
	}
	conn, err := s.Connections.Register(c.Request().Context(), apiActor(c), connections.Registration{
		Integration: r.Integration, UserID: r.UserID, Credentials: r.Credentials, AdditionalConfig: string(r.AdditionalConfig), Tags: r.Tags,
	})
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, connectionURL(conn.Integration, conn.UserID))
	return s.writeConnection(c, http.StatusCreated, conn)
}

type connectionList struct {
	Connections []apiConnection `json:"connections" nullable:"false"`
	NextCursor  string          `json:"nextCursor" doc:"Where the next page begins; empty at the end."`
	Total       *int64          `json:"total,omitempty" doc:"How many match, with count=true."`
}

func (l connectionList) encode() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"connections":[`)
	for i, conn := range l.Connections {
		if i > 0 {
			b.WriteByte(',')
		}
		text, err := conn.encode()
		if err != nil {
			return nil, err
		}
		b.Write(text)
	}
	fmt.Fprintf(&b, `],"nextCursor":%q`, l.NextCursor)
	if l.Total != nil {
		fmt.Fprintf(&b, `,"total":%d`, *l.Total)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (s *server) listConnections(c echo.Context) error {
	filter, err := apiConnectionFilter(c)
	if err != nil {
		return err
	}
	sort, err := queryWord(c, "sort", models.ConnectionSorts)
	if err != nil {
		return err
	}
	if sort == "" {
		sort = models.SortNewest
	}
	request, err := apiPageRequest(c)
	if err != nil {
		return err
	}
	counted, err := queryBool(c, "count")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	page, err := s.Connections.List(ctx, filter, sort, request)
	if err != nil {
		return err
	}
	list := connectionList{NextCursor: page.Next}
	for i := range page.Rows {
		list.Connections = append(list.Connections, s.publicConnection(&page.Rows[i]))
	}
	if counted {
		counts, err := s.Connections.Count(ctx, filter)
		if err != nil {
			return err
		}
		total := counts.Total()
		list.Total = &total
	}
	return writeJSON(c, http.StatusOK, list)
}

// apiConnectionFilter reads the filters of a list. A limited key sees its integrations only.
func apiConnectionFilter(c echo.Context) (models.ConnectionFilter, error) {
	filter := models.ConnectionFilter{
		Integration: c.QueryParam("integration"), UserID: c.QueryParam("userId"), Query: c.QueryParam("q"), Tag: c.QueryParam("tag"),
		Integrations: callerKey(c).Integrations,
	}
	if filter.Integration != "" {
		if err := reach(c, filter.Integration); err != nil {
			return filter, err
		}
		filter.Integrations = nil
	}
	var err error
	filter.Status, err = queryWord(c, "status", models.Statuses)
	return filter, err
}

func (s *server) getConnection(c echo.Context) error {
	conn, err := s.pair(c)
	if err != nil {
		return err
	}
	return s.writeConnection(c, http.StatusOK, conn)
}
