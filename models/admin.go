package models

import (
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"
)

// Admin is a person who signs in to the dashboard.
type Admin struct {
	ID           int64 `gorm:"primaryKey"`
	Email        string
	PasswordHash string // argon2id, PHC string format
	Role         Role
	DateCreated  time.Time
}

// Role says what an admin may do.
type Role string

// The roles, from most to least.
const (
	RoleAdmin    Role = "admin"    // everything
	RoleOperator Role = "operator" // connections and their configuration
	RoleViewer   Role = "viewer"   // reading
)

// Valid reports whether r is a known role.
func (r Role) Valid() bool { return r == RoleAdmin || r == RoleOperator || r == RoleViewer }

// CanEdit reports whether r may change connections and start connect flows.
func (r Role) CanEdit() bool { return r == RoleAdmin || r == RoleOperator }

// Bounds of a password: long enough to matter (NIST SP 800-63B §5.1.1), short enough to hash.
const (
	MinPasswordLength = 12
	MaxPasswordBytes  = 1024
)

// MaxEmailBytes bounds an email address (RFC 5321 §4.5.3.1.3, less the angle brackets).
const MaxEmailBytes = 254

// NormalizeEmail gives the form under which an address is stored and looked up.
func NormalizeEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// ValidateAdmin checks what a new admin typed. It fails with invalid_admin and a field for each fault.
func ValidateAdmin(email, password string) error {
	var fields []FieldError
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email || len(email) > MaxEmailBytes {
		fields = append(fields, FieldError{Field: "email", Message: "Enter an email address, such as name@example.com."})
	}
	if utf8.RuneCountInString(password) < MinPasswordLength {
		fields = append(fields, FieldError{Field: "password", Message: "Use a password of at least 12 characters."})
	}
	if len(password) > MaxPasswordBytes {
		fields = append(fields, FieldError{Field: "password", Message: "Use a password of at most 1,024 bytes."})
	}
	if fields == nil {
		return nil
	}
	return &Error{Kind: KindInvalid, Code: CodeInvalidAdmin, Message: "The account was not created.", Fields: fields}
}
