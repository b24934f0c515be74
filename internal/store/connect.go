package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// attemptRow adds to an attempt what only this package may read.
type attemptRow struct {
	models.Attempt
	SealedSecrets []byte
}

func (attemptRow) TableName() string { return "attempts" }

// attemptSecrets is the sealed form of [models.AttemptSecrets].
type attemptSecrets struct{ Verifier, LinkToken string }

func secretsPlace(uuid string) vault.Place {
	return vault.Place{Table: "attempts", Column: "sealed_secrets", Row: uuid}
}

func (q *queries) openAttempt(row *attemptRow) (*models.Attempt, error) {
	plain, err := q.vault.Open(row.SealedSecrets, secretsPlace(row.UUID))
	if err != nil {
		return nil, fmt.Errorf("open secrets of attempt %s: %w", row.UUID, err)
	}
	var secrets attemptSecrets
	if err := json.Unmarshal(plain, &secrets); err != nil {
		return nil, fmt.Errorf("parse secrets of attempt %s: %w", row.UUID, err)
	}
	row.Secrets = models.AttemptSecrets{Verifier: models.Secret(secrets.Verifier), LinkToken: models.Secret(secrets.LinkToken)}
	return &row.Attempt, nil
}

// ConnectSession finds a connect session by the hash of its token. It fails with not_found.
func (q *queries) ConnectSession(ctx context.Context, tokenHash string) (*models.ConnectSession, error) {
	var session models.ConnectSession
	if err := q.db.WithContext(ctx).Where("token_hash = ?", tokenHash).Take(&session).Error; err != nil {
		return nil, notFound(err, models.CodeNotFound, "This connect link does not exist.")
	}
	return &session, nil
}

// DecidingAttempt finds the attempt that decides how a connect session stands: the one that succeeded, or else the newest;
// nil where there is none yet.
func (q *queries) DecidingAttempt(ctx context.Context, sessionID int64) (*models.Attempt, error) {
	var row attemptRow
	err := q.db.WithContext(ctx).Where("connect_session_id = ?", sessionID).
		Order("status = 'succeeded' DESC, id DESC").Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find the deciding attempt: %w", err)
	}
	return q.openAttempt(&row)
}

// AttemptByState finds an attempt by the hash of its state. It fails with not_found.
func (q *queries) AttemptByState(ctx context.Context, stateHash string) (*models.Attempt, error) {
	var row attemptRow
	if err := q.db.WithContext(ctx).Where("state_hash = ?", stateHash).Take(&row).Error; err != nil {
		return nil, notFound(err, models.CodeNotFound, "There is no attempt with this state.")
	}
	return q.openAttempt(&row)
}

// CountAttempts counts the attempts of a connect session.
func (q *queries) CountAttempts(ctx context.Context, sessionID int64) (int64, error) {
	var n int64
	if err := q.db.WithContext(ctx).Model(&attemptRow{}).Where("connect_session_id = ?", sessionID).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count attempts: %w", err)
	}
	return n, nil
}

// CreateConnectSession stores a connect session.
func (tx *Tx) CreateConnectSession(session *models.ConnectSession) error {
	if err := tx.db.Create(session).Error; err != nil {
		return fmt.Errorf("create connect session: %w", err)
	}
	return nil
}

// CreateAttempt stores an attempt with its secrets.
func (tx *Tx) CreateAttempt(attempt *models.Attempt) error {
	plain, err := json.Marshal(attemptSecrets{attempt.Secrets.Verifier.Reveal(), attempt.Secrets.LinkToken.Reveal()})
	if err != nil {
		return fmt.Errorf("encode secrets of attempt: %w", err)
	}
	row := attemptRow{*attempt, tx.vault.Seal(plain, secretsPlace(attempt.UUID))}
	if err := tx.db.Create(&row).Error; err != nil {
		return fmt.Errorf("create attempt: %w", err)
	}
	attempt.ID = row.ID
	return nil
}

// MoveAttempt takes an attempt from one status to the next, with its outcome. It reports false, and changes nothing,
// when the attempt is not at that status any more: of many callbacks with one state, one moves it.
func (tx *Tx) MoveAttempt(attempt *models.Attempt, from models.AttemptStatus) (bool, error) {
	result := tx.db.Model(&attemptRow{}).Where("id = ? AND status = ?", attempt.ID, from).Updates(map[string]any{
		"status":          attempt.Status,
		"error_type":      attempt.ErrorType,
		"error_message":   attempt.ErrorMessage,
		"connection_uuid": attempt.ConnectionUUID,
		"last_moved":      attempt.LastMoved,
	})
	if result.Error != nil {
		return false, fmt.Errorf("move attempt: %w", result.Error)
	}
	return result.RowsAffected == 1, nil
}

// DeleteExpired forgets the connect sessions, with their attempts, and the sessions that ended before the given time.
func (tx *Tx) DeleteExpired(before time.Time) error {
	return errors.Join(
		tx.db.Where("expires_at < ?", before).Delete(&models.ConnectSession{}).Error,
		tx.db.Where("expires_at < ?", before).Delete(&session{}).Error,
	)
}
