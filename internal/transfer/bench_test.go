package transfer_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/seed"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/transfer"
	"github.com/patchbay/patchbay/models"
)

const benchmarkConnections = 50_000

func BenchmarkExport(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.Store{"SQLite": newSQLite, "PostgreSQL": newPostgres} {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			seeded(b, s)
			for what, o := range map[string]transfer.ExportOptions{"without secrets": {}, "with secrets": {Passphrase: passphrase}} {
				b.Run(what, func(b *testing.B) {
					o.Now = storetest.Now
					for b.Loop() {
						if _, err := transfer.Export(b.Context(), s, io.Discard, o); err != nil {
							b.Fatal(err)
						}
					}
					rate(b)
				})
			}
		})
	}
}

func BenchmarkImport(b *testing.B) {
	source := newSQLite(b)
	seeded(b, source)
	file := export(b, source, transfer.ExportOptions{Passphrase: passphrase})
	for name, open := range map[string]func(testing.TB) *store.Store{"SQLite": newSQLite, "PostgreSQL": newPostgres} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				target := open(b)
				b.StartTimer()
				o := transfer.ImportOptions{Now: time.Now, Passphrase: func() (models.Secret, error) { return passphrase, nil }}
				if _, err := transfer.Import(b.Context(), target, strings.NewReader(file), o); err != nil {
					b.Fatal(err)
				}
			}
			rate(b)
		})
	}
}

func seeded(b *testing.B, s *store.Store) {
	b.Helper()
	err := seed.Fill(b.Context(), s, seed.Options{Connections: benchmarkConnections, Integrations: 20, Seed: 1, Now: storetest.Now, Progress: func(int) {}})
	if err != nil {
		b.Fatal(err)
	}
}

func rate(b *testing.B) {
	b.ReportMetric(float64(b.N)*benchmarkConnections/b.Elapsed().Seconds(), "connections/s")
}
