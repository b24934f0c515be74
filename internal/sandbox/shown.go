package sandbox

import (
	"net/http"
	"time"
)

// shown are the habits that show at one request.
type shown struct {
	at     Request
	habits []*habit
}

// pick gives the habits that show at a request about a grant, which may be nil.
func pick(at Request, c *client, g *grant) shown {
	s := shown{at: at}
	if g != nil {
		s.add(g.habits)
	}
	s.add(c.habits)
	return s
}

func (s *shown) add(habits []*habit) {
	for _, h := range habits {
		if h.shows(s.at) {
			s.habits = append(s.habits, h)
		}
	}
}

func (s *shown) names() []string {
	names := make([]string, len(s.habits))
	for i, h := range s.habits {
		names[i] = h.vice.Name
	}
	return names
}

// terms gives the terms on which tokens are issued; of two habits that set the same one, the first holds.
func (s *shown) terms(t terms) terms {
	for i := len(s.habits) - 1; i >= 0; i-- {
		if h := s.habits[i]; h.vice.terms != nil {
			h.vice.terms(&t, h.Amount)
		}
	}
	return t
}

// answer gives what is answered in place of the answer, or nil.
func (s *shown) answer(p *Provider) *reply {
	for _, h := range s.habits {
		if h.vice.answer != nil && h.At == s.at {
			return h.vice.answer(p)
		}
	}
	return nil
}

// waitEarly lets the time of the habits pass that are slow to begin with, and reports whether the client is still there.
func (s *shown) waitEarly(r *http.Request) bool {
	var pause time.Duration
	for _, h := range s.habits {
		if h.vice.early && h.At == s.at {
			pause += h.Amount
		}
	}
	return pause == 0 || wait(r, pause)
}

// write sends an answer as the habits have it.
func (s *shown) write(w http.ResponseWriter, r *http.Request, out *reply) {
	var encode func(*reply)
	send := sendWhole
	for _, h := range s.habits {
		if h.At != s.at {
			continue
		}
		if h.vice.fields != nil && out.issued {
			h.vice.fields(out.fields)
		}
		if h.vice.encode != nil && out.issued {
			encode = h.vice.encode
		}
		if h.vice.send != nil {
			send = h.vice.send(send, h.Amount)
		}
	}
	out.encode()
	if encode != nil {
		encode(out)
	}
	send(w, r, out)
}
