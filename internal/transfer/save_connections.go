package transfer

import (
	"context"
	"fmt"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// saveConnections stores those that are not there, in the hope that it is all of them, and then looks at the others.
func saveConnections(ctx context.Context, im *importer, rows []numbered) error {
	return im.write(ctx, kindConnection, func(tx *store.Tx, o *outcomes) error {
		fresh, again := distinct(rows)
		var taken map[string]bool
		if tx == nil {
			again, fresh = rows, nil
		} else {
			var err error
			if taken, err = tx.InsertMoved(moved(fresh)); err != nil {
				return err
			}
		}
		o.counts[imported] += int64(len(fresh) - len(taken))
		for _, row := range fresh {
			if taken[row.row.(*store.MovedConnection).UUID] {
				again = append(again, row)
			}
		}
		if len(again) == 0 {
			return nil
		}
		return im.saveTaken(ctx, tx, again, o)
	})
}

func moved(rows []numbered) []store.MovedConnection {
	connections := make([]store.MovedConnection, len(rows))
	for i, row := range rows {
		connections[i] = *row.row.(*store.MovedConnection)
	}
	return connections
}

// distinct sets aside the rows that have the uuid or the pair of one before them.
func distinct(rows []numbered) (first, again []numbered) {
	uuids, pairs := make(map[string]bool, len(rows)), make(map[[2]string]bool, len(rows))
	first = make([]numbered, 0, len(rows))
	for _, row := range rows {
		c := row.row.(*store.MovedConnection)
		pair := [2]string{c.Integration, c.UserID}
		if uuids[c.UUID] || pairs[pair] {
			again = append(again, row)
			continue
		}
		uuids[c.UUID], pairs[pair] = true, true
		first = append(first, row)
	}
	return first, again
}

// saveTaken decides on connections whose uuid or pair is taken, or may be, where there is no transaction.
func (im *importer) saveTaken(ctx context.Context, tx *store.Tx, rows []numbered, o *outcomes) error {
	find := im.db.MatchingConnections
	if tx != nil {
		find = tx.MatchingConnections
	}
	stored, err := find(ctx, moved(rows))
	if err != nil {
		return err
	}
	byUUID, byPair := map[string]*models.Connection{}, map[[2]string]*models.Connection{}
	for i := range stored {
		byUUID[stored[i].UUID], byPair[[2]string{stored[i].Integration, stored[i].UserID}] = &stored[i], &stored[i]
	}
	var replacing []numbered
	var doomed []int64
	for _, row := range rows {
		c := row.row.(*store.MovedConnection)
		pair := [2]string{c.Integration, c.UserID}
		sameUUID, samePair := byUUID[c.UUID], byPair[pair]
		switch {
		case sameUUID == nil && samePair == nil && tx != nil:
			return fmt.Errorf("connection %s was not stored, and nothing is in its place", c.UUID)
		case sameUUID == nil && samePair == nil:
			o.counts[imported]++
			byUUID[c.UUID], byPair[pair] = &c.Connection, &c.Connection
		case sameUUID != samePair && sameUUID != nil:
			o.skip(row.line, "uuid: %s is that of the connection of another user or integration", c.UUID)
		case sameConnection(samePair, c):
			o.counts[present]++
		case im.options.Replace && samePair.ID != 0:
			o.counts[replaced]++
			replacing, doomed = append(replacing, row), append(doomed, samePair.ID)
			byUUID[c.UUID], byPair[pair] = &c.Connection, &c.Connection
		case sameUUID != nil:
			o.skip(row.line, "user %s has this connection of %s already, in another version", c.UserID, c.Integration)
		default:
			o.skip(row.line, "user %s has another connection of %s already", c.UserID, c.Integration)
		}
	}
	if tx == nil || len(replacing) == 0 {
		return nil
	}
	if err := tx.DeleteConnections(doomed); err != nil {
		return err
	}
	_, err = tx.InsertMoved(moved(replacing))
	return err
}
