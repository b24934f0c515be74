package store

import "database/sql"

// maxStatements bounds how many statements are kept prepared. Those of the program are fewer, but each length of a list of values
// makes another.
const maxStatements = 200

// statements keeps what is written again and again prepared on the connection that writes: reading a statement takes SQLite as
// long as carrying it out. What is prepared inside a transaction ends with it, so a statement is noted there, and prepared before
// the next one begins.
type statements struct {
	prepared map[string]*sql.Stmt
	wanted   []string
}

// get gives a statement, or nil and notes that it is wanted. It may not be run again while its rows are being read.
func (s *statements) get(text string) *sql.Stmt {
	statement, known := s.prepared[text]
	if !known {
		s.prepared[text] = nil
		s.wanted = append(s.wanted, text)
	}
	return statement
}

// prepare prepares what is wanted. A statement for which that fails is run unprepared, and tells itself what is wrong.
func (s *statements) prepare(pool *sql.DB) {
	if s.prepared == nil || len(s.prepared) > maxStatements {
		for _, statement := range s.prepared {
			if statement != nil {
				_ = statement.Close()
			}
		}
		s.prepared, s.wanted = map[string]*sql.Stmt{}, nil
	}
	for _, text := range s.wanted {
		if statement, err := pool.Prepare(text); err == nil {
			s.prepared[text] = statement
		}
	}
	s.wanted = nil
}
