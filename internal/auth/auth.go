// Package auth owns who may come in: admins with their passwords, the one-time set-up link, the dashboard's sessions,
// and the limits on guessing. It never stores a password or a token, only hashes of them.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// Service signs people in. It is safe for concurrent use.
type Service struct {
	store     *store.Store
	now       func() time.Time
	setupHash [sha256.Size]byte
	byIP      *sharedLimiter
	byAccount *sharedLimiter
}

// New gives a service and the token of this process's set-up link, which works while there is no admin.
func New(s *store.Store, now func() time.Time) (service *Service, setupToken string) {
	setupToken = rand.Text()
	return &Service{
		store: s, now: now, setupHash: sha256.Sum256([]byte(setupToken)),
		// A person mistypes a few times; a guesser gets 10 tries at once and then one every 6 s from an address, and
		// 20 at once and then one every 3 s at an account from everywhere.
		byIP:      &sharedLimiter{s, "sign-in by address", newLimiter(now, 6*time.Second, 10)},
		byAccount: &sharedLimiter{s, "sign-in by account", newLimiter(now, 3*time.Second, 20)},
	}, setupToken
}

// NeedsSetup reports whether there is no admin yet.
func (s *Service) NeedsSetup(ctx context.Context) (bool, error) {
	n, err := s.store.CountAdmins(ctx)
	return n == 0, err
}

// CheckSetupToken fails with forbidden unless token is the one of this process's set-up link.
func (s *Service) CheckSetupToken(token string) error {
	hash := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(hash[:], s.setupHash[:]) == 1 {
		return nil
	}
	return &models.Error{Kind: models.KindForbidden, Code: models.CodeForbidden, Message: "This set-up link is not valid. Use the link that the server printed when it last started."}
}

// CreateFirstAdmin creates the admin that owns this installation. It fails with forbidden once there is any admin, and
// with invalid_admin.
func (s *Service) CreateFirstAdmin(ctx context.Context, actor models.Actor, email, password string) (*models.Admin, error) {
	return s.create(ctx, actor, email, password, models.RoleAdmin, func(tx *store.Tx) error {
		n, err := tx.CountAdmins(ctx)
		if err == nil && n > 0 {
			err = &models.Error{Kind: models.KindForbidden, Code: models.CodeForbidden, Message: "This installation is set up already."}
		}
		return err
	})
}

// CreateAdmin creates an admin. It fails with invalid_admin and admin_exists.
func (s *Service) CreateAdmin(ctx context.Context, actor models.Actor, email, password string, role models.Role) (*models.Admin, error) {
	if !role.Valid() {
		return nil, &models.Error{Kind: models.KindInvalid, Code: models.CodeInvalidAdmin, Message: "The role is one of admin, operator and viewer."}
	}
	return s.create(ctx, actor, email, password, role, func(*store.Tx) error { return nil })
}

func (s *Service) create(ctx context.Context, actor models.Actor, email, password string, role models.Role, check func(*store.Tx) error) (*models.Admin, error) {
	email = models.NormalizeEmail(email)
	if err := models.ValidateAdmin(email, password); err != nil {
		return nil, err
	}
	hash, err := hashPassword(ctx, password)
	if err != nil {
		return nil, err
	}
	admin := &models.Admin{Email: email, PasswordHash: hash, Role: role, DateCreated: s.now().UTC()}
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		if err := check(tx); err != nil {
			return err
		}
		if err := tx.CreateAdmin(admin); err != nil {
			return err
		}
		return tx.Audit(s.entry(actor, models.AuditAdminCreated, admin))
	})
	if err != nil {
		return nil, err
	}
	return admin, nil
}

// SignIn checks a password. Whether the account or the password is wrong, it fails with the same wrong_password after the
// same work; after too many tries with too_many_requests.
func (s *Service) SignIn(ctx context.Context, actor models.Actor, email, password string) (*models.Admin, error) {
	email = models.NormalizeEmail(email)
	// A try that its address has no right to must not use up the account's.
	if wait, err := s.byIP.wait(ctx, network(actor.IP)); err != nil || wait > 0 {
		return nil, tooMany(wait, err)
	}
	wrong := &models.Error{Kind: models.KindUnauthenticated, Code: models.CodeWrongPassword, Message: "The email address or the password is wrong."}
	if len(email) > models.MaxEmailBytes { // not a key to remember
		return nil, wrong
	}
	if wait, err := s.byAccount.wait(ctx, email); err != nil || wait > 0 {
		return nil, tooMany(wait, err)
	}
	if len(password) > models.MaxPasswordBytes {
		return nil, wrong
	}
	admin, err := s.store.AdminByEmail(ctx, email)
	hash := unknownAccountHash
	switch {
	case err == nil:
		hash = admin.PasswordHash
	case !models.HasCode(err, models.CodeNotFound):
		return nil, err
	}
	ok, err := verifyPassword(ctx, password, hash)
	if err != nil {
		return nil, err
	}
	if !ok || admin == nil {
		return nil, wrong
	}
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		actor.Name = models.AdminActor(admin.Email)
		return tx.Audit(s.entry(actor, models.AuditAdminSignedIn, admin))
	})
	if err != nil {
		return nil, err
	}
	return admin, nil
}

// tooMany refuses a try. While tries cannot be counted, none is made.
func tooMany(wait time.Duration, err error) error {
	if err != nil {
		return err
	}
	return &models.Error{
		Kind: models.KindTooMany, Code: models.CodeTooMany, RetryAfter: wait,
		Message: fmt.Sprintf("Too many attempts to sign in. Try again in %d seconds.", int(wait.Seconds())+1),
	}
}

// Admin finds a signed-in admin by id. It fails with not_found when the account is gone.
func (s *Service) Admin(ctx context.Context, id int64) (*models.Admin, error) {
	return s.store.Admin(ctx, id)
}

func (s *Service) entry(actor models.Actor, action string, about *models.Admin) models.AuditEntry {
	name := actor.Name
	if name == "" {
		name = models.AdminActor(about.Email)
	}
	return models.AuditEntry{Time: s.now().UTC(), Actor: name, Action: action, IP: actor.IP, RequestID: actor.RequestID, After: about.Email}
}
