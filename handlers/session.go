package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// withSession runs next with the session of the request. The session is stored just before the answer goes out; where that
// fails, the error goes out instead. An error of next is answered here, so that its page can see the session, too.
func (s *server) withSession(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		response := c.Response()
		response.Header().Add("Vary", "Cookie")
		request, err := s.Sessions.Load(c.Request())
		if err != nil {
			return err
		}
		c.SetRequest(request)
		saved := false
		save := func() {
			if saved { // or about to be: the answer that says that it failed comes by here, too
				return
			}
			saved = true
			if err := s.Sessions.Save(response, request); err != nil {
				response.Header().Del(echo.HeaderLocation)
				s.fail(err, c)
				response.Writer = unsent{response.Header()}
			}
		}
		response.Before(save)
		if err := next(c); err != nil {
			c.Error(err)
		}
		save() // where nothing was answered
		return nil
	}
}

// unsent takes an answer that another one has gone out for.
type unsent struct{ header http.Header }

// Header implements [http.ResponseWriter].
func (u unsent) Header() http.Header { return u.header }

// Write implements [http.ResponseWriter].
func (unsent) Write(text []byte) (int, error) { return len(text), nil }

// WriteHeader implements [http.ResponseWriter].
func (unsent) WriteHeader(int) {}
