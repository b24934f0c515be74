package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
type attemptSecrets struct {
	Verifier, LinkToken string
	Claim               string `json:",omitempty"`
	Credentials         []byte `json:",omitempty"`
}

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
	row.Secrets = models.AttemptSecrets{
		Verifier: models.Secret(secrets.Verifier), LinkToken: models.Secret(secrets.LinkToken), Claim: models.Secret(secrets.Claim),
	}
	if secrets.Credentials != nil {
		credentials, err := models.ParseSealedCredentials(secrets.Credentials)
		if err != nil {
			return nil, err
		}
		row.Secrets.Credentials = &credentials
	}
	return &row.Attempt, nil
}

func (tx *Tx) sealAttempt(attempt *models.Attempt) ([]byte, error) {
	secrets := attemptSecrets{
		Verifier: attempt.Secrets.Verifier.Reveal(), LinkToken: attempt.Secrets.LinkToken.Reveal(), Claim: attempt.Secrets.Claim.Reveal(),
	}
	if attempt.Secrets.Credentials != nil {
		credentials, err := attempt.Secrets.Credentials.SealedJSON()
		if err != nil {
			return nil, fmt.Errorf("encode credentials of attempt: %w", err)
		}
		secrets.Credentials = credentials
	}
	plain, err := json.Marshal(secrets)
	if err != nil {
		return nil, fmt.Errorf("encode secrets of attempt: %w", err)
	}
	return tx.vault.Seal(plain, secretsPlace(attempt.UUID)), nil
}

// ConnectSession finds a connect session by the hash of its token. It fails with not_found.
func (q *queries) ConnectSession(ctx context.Context, tokenHash string) (*models.ConnectSession, error) {
	return q.connectSession(ctx, "token_hash = ?", tokenHash)
}

// ConnectSessionByUUID finds a connect session by its uuid. It fails with not_found.
func (q *queries) ConnectSessionByUUID(ctx context.Context, uuid string) (*models.ConnectSession, error) {
	return q.connectSession(ctx, "uuid = ?", uuid)
}

// ConnectSessionByID finds a connect session by its row id. It fails with not_found.
func (q *queries) ConnectSessionByID(ctx context.Context, id int64) (*models.ConnectSession, error) {
	return q.connectSession(ctx, "id = ?", id)
}

func (q *queries) connectSession(ctx context.Context, condition string, value any) (*models.ConnectSession, error) {
	var session models.ConnectSession
	if err := q.db.WithContext(ctx).Where(condition, value).Take(&session).Error; err != nil {
		return nil, notFound(err, models.CodeNotFound, "This connect link does not exist.")
	}
	return &session, nil
}

// DecidingAttempt finds the attempt that decides how a connect session stands with an integration: the one that succeeded,
// or else the newest; nil where there is none yet.
func (q *queries) DecidingAttempt(ctx context.Context, sessionID int64, integration string) (*models.Attempt, error) {
	db := q.db.WithContext(ctx).Where("connect_session_id = ? AND integration = ?", sessionID, integration).Order("status = 'succeeded' DESC, id DESC")
	return q.firstAttempt(db)
}

// AttemptOfRef finds the newest attempt of a connect session that has a ref, or of any ref where it is empty; nil where
// there is none.
func (q *queries) AttemptOfRef(ctx context.Context, sessionID int64, ref string) (*models.Attempt, error) {
	return q.firstAttempt(q.db.WithContext(ctx).Where("connect_session_id = ? AND (ref = ? OR ? = '')", sessionID, ref, ref).Order("id DESC"))
}

// AttemptByClaim finds a pending attempt by the hash of its claim; nil where there is none.
func (q *queries) AttemptByClaim(ctx context.Context, claimHash string) (*models.Attempt, error) {
	return q.firstAttempt(q.db.WithContext(ctx).Where("claim_hash = ? AND claim_hash <> '' AND status = ?", claimHash, models.AttemptPending))
}

// UnclaimedAttempt finds an attempt that has been pending since before the given time; nil where there is none. Where its
// secrets do not open it is given without them, so that it can be ended: it would be found again for ever.
func (q *queries) UnclaimedAttempt(ctx context.Context, before time.Time) (*models.Attempt, error) {
	var row attemptRow
	err := q.db.WithContext(ctx).Where("status = 'pending' AND last_moved < ?", before).Order("last_moved").Limit(1).Find(&row).Error
	if err != nil || row.ID == 0 {
		return nil, err
	}
	attempt, err := q.openAttempt(&row)
	if DoesNotOpen(err) {
		slog.ErrorContext(ctx, "the tokens of a pending attempt do not open: it is ended without revoking them", "attempt", row.UUID, "error", err)
		return &row.Attempt, nil
	}
	return attempt, err
}

// PendingAttempts finds the attempts of a connect session that wait for their claims, and keeps all of its attempts from
// moving until the transaction ends.
func (tx *Tx) PendingAttempts(ctx context.Context, sessionID int64) ([]*models.Attempt, error) {
	if err := tx.lockSession(ctx, sessionID); err != nil {
		return nil, err
	}
	all, err := tx.attempts(tx.row(ctx).Where("connect_session_id = ?", sessionID).Order("id"))
	return slices.DeleteFunc(all, func(a *models.Attempt) bool { return a.Status != models.AttemptPending }), err
}

// HoldAttempt keeps an attempt and the others of its connect session from being decided by somebody else until the
// transaction ends. Whoever changes an attempt and a connection changes the attempt first.
func (tx *Tx) HoldAttempt(ctx context.Context, attempt *models.Attempt) error {
	if err := tx.lockSession(ctx, attempt.ConnectSessionID); err != nil {
		return err
	}
	var ids []int64
	err := tx.row(ctx).Model(&attemptRow{}).Where("id = ?", attempt.ID).Pluck("id", &ids).Error
	if err != nil {
		return fmt.Errorf("hold an attempt: %w", err)
	}
	return nil
}

func (tx *Tx) lockSession(ctx context.Context, id int64) error {
	var ids []int64
	if err := tx.row(ctx).Model(&models.ConnectSession{}).Where("id = ?", id).Pluck("id", &ids).Error; err != nil {
		return fmt.Errorf("hold a connect session: %w", err)
	}
	return nil
}

// Attempts gives the attempts of a connect session, the newest first.
func (q *queries) Attempts(ctx context.Context, sessionID int64) ([]*models.Attempt, error) {
	return q.attempts(q.db.WithContext(ctx).Where("connect_session_id = ?", sessionID).Order("id DESC"))
}

func (q *queries) attempts(db *gorm.DB) ([]*models.Attempt, error) {
	var rows []attemptRow
	if err := db.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list attempts: %w", err)
	}
	attempts := make([]*models.Attempt, len(rows))
	for i := range rows {
		attempt, err := q.openAttempt(&rows[i])
		if err != nil {
			return nil, err
		}
		attempts[i] = attempt
	}
	return attempts, nil
}

func (q *queries) firstAttempt(db *gorm.DB) (*models.Attempt, error) {
	var row attemptRow
	err := db.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find an attempt: %w", err)
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

// CountAttempts counts the attempts of a connect session for an integration.
func (q *queries) CountAttempts(ctx context.Context, sessionID int64, integration string) (int64, error) {
	var n int64
	if err := q.db.WithContext(ctx).Model(&attemptRow{}).Where("connect_session_id = ? AND integration = ?", sessionID, integration).Count(&n).Error; err != nil {
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

// DeleteConnectSession forgets a connect session with its attempts.
func (tx *Tx) DeleteConnectSession(session *models.ConnectSession) error {
	if err := tx.db.Where("id = ?", session.ID).Delete(&models.ConnectSession{}).Error; err != nil {
		return fmt.Errorf("delete connect session: %w", err)
	}
	return nil
}

// CreateAttempt stores an attempt with its secrets.
func (tx *Tx) CreateAttempt(attempt *models.Attempt) error {
	sealed, err := tx.sealAttempt(attempt)
	if err != nil {
		return err
	}
	row := attemptRow{*attempt, sealed}
	if err := tx.db.Create(&row).Error; err != nil {
		return fmt.Errorf("create attempt: %w", err)
	}
	attempt.ID = row.ID
	return nil
}

// MoveAttempt takes an attempt from one status to the next, with its outcome and its secrets. It reports false, and changes nothing,
// when the attempt is not at that status any more: of many callbacks with one state, one moves it.
func (tx *Tx) MoveAttempt(attempt *models.Attempt, from models.AttemptStatus) (bool, error) {
	sealed, err := tx.sealAttempt(attempt)
	if err != nil {
		return false, err
	}
	result := tx.db.Model(&attemptRow{}).Where("id = ? AND status = ?", attempt.ID, from).Updates(map[string]any{
		"status":          attempt.Status,
		"error_type":      attempt.ErrorType,
		"error_message":   attempt.ErrorMessage,
		"connection_uuid": attempt.ConnectionUUID,
		"claim_hash":      attempt.ClaimHash,
		"sealed_secrets":  sealed,
		"last_moved":      attempt.LastMoved,
	})
	if result.Error != nil {
		return false, fmt.Errorf("move attempt: %w", result.Error)
	}
	return result.RowsAffected == 1, nil
}

// Kept is how long events, their deliveries and counted calls are kept.
const Kept = 31 * 24 * time.Hour

// DeleteExpired forgets what ended before the given time: connect sessions, with their attempts, but not those whose tokens
// still wait for a claim; the dashboard's sessions; answers kept for idempotency keys; and, after [Kept], events, their
// deliveries and counted calls.
func (tx *Tx) DeleteExpired(before time.Time) error {
	if tx.postgres() { // one process at a time: two could wait for each other's rows
		if err := tx.db.Exec("SELECT pg_advisory_xact_lock(?)", sweepLock).Error; err != nil {
			return fmt.Errorf("delete what expired: %w", err)
		}
	}
	waiting := tx.db.Model(&attemptRow{}).Where("status = ?", models.AttemptPending).Select("connect_session_id")
	return errors.Join(
		tx.db.Where("expires_at < ? AND id NOT IN (?)", before, waiting).Delete(&models.ConnectSession{}).Error,
		tx.db.Where("expires_at < ?", before).Delete(&session{}).Error,
		tx.db.Where("full_at < ?", before.UnixMicro()).Delete(&rateLimit{}).Error,
		tx.db.Where("expires_at < ?", before).Delete(&idempotencyRow{}).Error,
		tx.db.Where("time < ?", before.Add(-Kept)).Delete(&models.Event{}).Error,
		tx.db.Where(`"window" < ?`, before.Add(-Kept)).Delete(&models.APICalls{}).Error,
		deleteDeliveries(tx.db, before.Add(-Kept)),
	)
}
