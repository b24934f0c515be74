package connections

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkRefresh refreshes distinct expired tokens for 64 callers at a provider that takes 50 ms, journalled and durable.
func BenchmarkRefresh(b *testing.B) {
	s, _, p, _ := refreshing(b)
	p.answers(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(50 * time.Millisecond)
		io.WriteString(w, `{"access_token":"`+strings.Repeat("a", 400)+`","expires_in":3600}`)
	})
	for i := range b.N {
		register(b, s, "own", fmt.Sprint("user ", i), "refresh")
	}
	p.advance(2 * time.Hour)
	users := make(chan int)
	b.ReportAllocs()
	b.ResetTimer()
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			for i := range users {
				if _, _, err := s.FreshCredentials(b.Context(), "own", fmt.Sprint("user ", i), Freshness{}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range b.N {
		users <- i
	}
	close(users)
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "refreshes/s")
}
