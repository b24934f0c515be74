package e2e

import (
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// connection reads what the server keeps of a connection, with the credentials opened.
func (s *server) connection(uuid string) (*models.Connection, models.Credentials) {
	s.t.Helper()
	ring, err := vault.ReadKeyFile(s.path("patchbay.key"))
	if err != nil {
		s.t.Fatal(err)
	}
	kept, err := store.Open(s.t.Context(), s.path("patchbay.db"), ring)
	if err != nil {
		s.t.Fatal(err)
	}
	defer kept.Close()
	connection, err := kept.Connection(s.t.Context(), uuid)
	if err != nil {
		s.t.Fatal(err)
	}
	credentials, err := kept.Credentials(s.t.Context(), uuid)
	if err != nil {
		s.t.Fatal(err)
	}
	return connection, credentials
}
