package store

import (
	"context"
	"fmt"

	"github.com/patchbay/patchbay/models"
)

// AdminByEmail finds an admin by the normalized address. It fails with not_found.
func (q *queries) AdminByEmail(ctx context.Context, email string) (*models.Admin, error) {
	return q.admin(ctx, "email = ?", email)
}

// Admin finds an admin by id. It fails with not_found.
func (q *queries) Admin(ctx context.Context, id int64) (*models.Admin, error) {
	return q.admin(ctx, "id = ?", id)
}

func (q *queries) admin(ctx context.Context, condition string, value any) (*models.Admin, error) {
	var admin models.Admin
	if err := q.db.WithContext(ctx).Where(condition, value).Take(&admin).Error; err != nil {
		return nil, notFound(err, models.CodeNotFound, "There is no such admin.")
	}
	return &admin, nil
}

// CountAdmins counts the admins.
func (q *queries) CountAdmins(ctx context.Context) (int64, error) {
	var n int64
	if err := q.db.WithContext(ctx).Model(&models.Admin{}).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count admins: %w", err)
	}
	return n, nil
}

// CountAdmins counts the admins, whose number then stays until the transaction ends.
func (tx *Tx) CountAdmins(ctx context.Context) (int64, error) {
	if tx.postgres() {
		if err := tx.db.Exec("LOCK TABLE admins IN SHARE ROW EXCLUSIVE MODE").Error; err != nil {
			return 0, fmt.Errorf("count admins: %w", err)
		}
	}
	return tx.queries.CountAdmins(ctx)
}

// CreateAdmin stores a new admin. It fails with admin_exists.
func (tx *Tx) CreateAdmin(admin *models.Admin) error {
	created, err := tx.insert(admin)
	if err == nil && !created {
		return &models.Error{Kind: models.KindConflict, Code: models.CodeAdminExists, Message: "There is an admin with this email address already."}
	}
	if err != nil {
		return fmt.Errorf("create admin: %w", err)
	}
	return nil
}
