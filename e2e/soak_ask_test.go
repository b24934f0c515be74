package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// askTimeout bounds one call of a process; it is longer than a provider may take.
const askTimeout = 30 * time.Second

// answer is what a caller got: an access token, or the code of an error.
type answer struct {
	token, code string
	took        time.Duration
}

// ask asks one process for credentials of a connection, once. A process that does not answer gives the code "unreachable".
func (f *fleet) ask(ctx context.Context, process *server, h held, force bool) answer {
	address := fmt.Sprintf("%s/api/v1/connections/%s/%s/credentials?forceRefresh=%t", process.URL, h.integration, h.user, force)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		f.t.Error(err)
		return answer{code: "unreachable"}
	}
	request.Header.Set("Authorization", "Bearer "+applicationKey)
	start := time.Now()
	response, err := f.http.Do(request)
	if err != nil {
		return answer{code: "unreachable"}
	}
	defer response.Body.Close()
	var body struct {
		Credentials struct {
			Token string `json:"access_token"`
		}
		Error struct{ Code string }
	}
	if json.NewDecoder(response.Body).Decode(&body) != nil {
		return answer{code: "unreachable"}
	}
	return answer{body.Credentials.Token, body.Error.Code, time.Since(start)}
}

// askAll asks for many connections at once, with so many callers, spread over the processes.
func (f *fleet) askAll(list []held, callers int, force bool) []answer {
	f.t.Helper()
	answers := make([]answer, len(list))
	todo := make(chan int, len(list))
	for i := range list {
		todo <- i
	}
	close(todo)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := range todo {
				answers[i] = f.ask(f.t.Context(), f.processes[i%len(f.processes)], list[i], force)
			}
		})
	}
	wg.Wait()
	return answers
}
