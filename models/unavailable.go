package models

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
)

// Unavailable reports whether an error means that the database is away, or so busy or full that it takes nothing: that will
// pass.
func Unavailable(err error) bool {
	var postgres interface{ SQLState() string }
	var sqlite interface{ Code() int }
	var network net.Error
	switch {
	case errors.As(err, &postgres):
		class := postgres.SQLState()[:min(2, len(postgres.SQLState()))]
		return class == "08" || class == "53" || class == "57" // connection, resources, intervention of an operator
	case errors.As(err, &sqlite):
		const busy, full = 5, 13 // the lower byte of SQLite's codes
		return sqlite.Code()&0xff == busy || sqlite.Code()&0xff == full
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}
