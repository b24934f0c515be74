package handlers

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/models"
)

// etag names the version of a connection and that of its additionalConfig, so that a refresh of its tokens is no conflict
// for who edits the configuration.
func etag(c *models.Connection) string { return fmt.Sprintf(`"%d.%d"`, c.Version, c.ConfigVersion) }

// ifMatch reads the versions that a change was made for (RFC 9110 §13.1.1); without the header, or for *, any is right.
func ifMatch(c echo.Context) (version, configVersion int64, err error) {
	sent := c.Request().Header.Values("If-Match")
	header := strings.Join(sent, ", ")
	if sent == nil || header == "*" {
		return connections.AnyVersion, connections.AnyVersion, nil
	}
	// A proxy that compresses makes our ETags weak; what they name stays the same.
	header = strings.TrimPrefix(header, "W/")
	one, two, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(header, `"`), `"`), ".")
	version, err = strconv.ParseInt(one, 10, 64)
	if err == nil {
		configVersion, err = strconv.ParseInt(two, 10, 64)
	}
	if err != nil || version < 1 || configVersion < 1 || header != fmt.Sprintf(`"%d.%d"`, version, configVersion) {
		return 0, 0, &models.Error{Kind: models.KindMalformed, Code: models.CodeInvalidHeader, Message: `If-Match is not the ETag of a connection, such as "3.1".`}
	}
	return version, configVersion, nil
}

func (s *server) getConnectionConfig(c echo.Context) error {
	conn, err := s.pair(c)
	if err != nil {
		return err
	}
	c.Response().Header().Set(headerETag, etag(conn))
	return c.JSONBlob(http.StatusOK, []byte(conn.AdditionalConfig))
}

func (s *server) updateConnectionConfig(c echo.Context) error {
	return s.changeConfig(c, s.Connections.UpdateConfig)
}

func (s *server) patchConnectionConfig(c echo.Context) error {
	return s.changeConfig(c, s.Connections.PatchConfig)
}

func (s *server) changeConfig(c echo.Context, change func(ctx context.Context, actor models.Actor, uuid string, version int64, text string) (*models.Connection, error)) error {
	conn, err := s.pair(c)
	if err != nil {
		return err
	}
	_, configVersion, err := ifMatch(c)
	if err != nil {
		return err
	}
	text, err := readBody(c)
	if err != nil {
		return err
	}
	if conn, err = change(c.Request().Context(), apiActor(c), conn.UUID, configVersion, string(text)); err != nil {
		return err
	}
	return s.writeConnection(c, http.StatusOK, conn)
}

type tagsRequest []string

func (s *server) setConnectionTags(c echo.Context) error {
	conn, err := s.pair(c)
	if err != nil {
		return err
	}
	var tags tagsRequest
	if err := readJSON(c, &tags); err != nil {
		return err
	}
	if conn, err = s.Connections.SetTags(c.Request().Context(), apiActor(c), conn.UUID, tags); err != nil {
		return err
	}
	return s.writeConnection(c, http.StatusOK, conn)
}
