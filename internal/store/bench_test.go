package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// benchmarkRows is large enough that a scan would show.
const benchmarkRows = 20_000

func filled(b *testing.B) (*store.Store, []*models.Connection) {
	b.Helper()
	ring, err := vault.Parse(vault.NewKey())
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "patchbay.db"), ring)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	rows := make([]*models.Connection, benchmarkRows)
	err = s.Write(b.Context(), func(tx *store.Tx) error {
		for i := range rows {
			rows[i] = storetest.Connection(fmt.Sprintf("integration-%d", i%20), fmt.Sprintf("user-%d", i))
			if err := tx.CreateConnection(rows[i], storetest.Credentials("x")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return s, rows
}

func BenchmarkCredentials(b *testing.B) {
	s, rows := filled(b)
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Credentials(b.Context(), rows[next.Add(1)%benchmarkRows].UUID); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkPageOfConnections(b *testing.B) {
	s, _ := filled(b)
	for name, filter := range map[string]models.ConnectionFilter{
		"all": {}, "of an integration": {Integration: "integration-7"}, "of a user": {UserID: "user-77"}, "to reconnect": {Status: models.StatusNeedsReconnect},
	} {
		for _, sort := range []models.ConnectionSort{models.SortNewest, models.SortLastModified} {
			b.Run(name+" "+string(sort), func(b *testing.B) {
				b.ReportAllocs()
				list := store.ConnectionList{ConnectionFilter: filter, PageRequest: models.PageRequest{Limit: 50}, Sort: sort, Now: storetest.Now}
				for b.Loop() {
					if _, err := s.Connections(b.Context(), list); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkSaveConfig(b *testing.B) {
	s, rows := filled(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c := rows[i%benchmarkRows]
		c.AdditionalConfig = models.Config(fmt.Sprintf(`{"n":%d}`, i))
		if err := s.Write(b.Context(), func(tx *store.Tx) error { return tx.SaveConfig(c, storetest.Now) }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWrite shows what writers gain who come together: they share durable commits.
func BenchmarkWrite(b *testing.B) {
	s, rows := filled(b)
	for _, writers := range []int{1, 8} {
		b.Run(fmt.Sprintf("%d at once", writers), func(b *testing.B) {
			var next atomic.Int64
			var group sync.WaitGroup
			b.ReportAllocs()
			for w := range writers {
				group.Go(func() {
					for i := w; next.Add(1) <= int64(b.N); i += writers {
						c := rows[i%benchmarkRows]
						c.AdditionalConfig = models.Config(fmt.Sprintf(`{"n":%d}`, i))
						err := s.Write(b.Context(), func(tx *store.Tx) error {
							entry := models.AuditEntry{Time: storetest.Now, Action: models.AuditConfigUpdated, ConnectionUUID: c.UUID, After: string(c.AdditionalConfig)}
							event := models.Event{Time: storetest.Now, Type: models.EventConnectionUpdated, ConnectionUUID: c.UUID}
							return errors.Join(tx.SaveConfig(c, storetest.Now), tx.Audit(entry), tx.Emit(event))
						})
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}
