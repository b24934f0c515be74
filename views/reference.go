package views

import (
	"strconv"
	"strings"
)

// ReferencePage is the reference of the API.
type ReferencePage struct {
	Shell
	BaseURL string // what the paths of operations begin with, such as https://connect.example.com/api/v1
	Spec    string // address of the OpenAPI document
	Groups  []ReferenceGroup
	Errors  []ReferenceError // every code there is
}

// ReferenceGroup is a part of the reference. ID is its anchor.
type ReferenceGroup struct {
	ID, Name, Doc string
	Operations    []ReferenceOperation
}

// ReferenceOperation is one call. A Doc, here and below, is plain text; a blank line begins a new paragraph.
type ReferenceOperation struct {
	ID         string // operationId, also the anchor
	Method     string
	Path       string // after the base: /connections/{integration}/{userId}
	Summary    string
	Doc        string
	Scope      string // empty: any key
	Session    bool   // is authorized by a connect session's token instead of a key
	Parameters []ReferenceField
	Body       []ReferenceField
	Example    string // of the body, as JSON; empty for calls without one
	Responses  []ReferenceResponse
	Errors     []ReferenceError
}

// ReferenceField is a parameter, or a property of a body.
type ReferenceField struct {
	Name     string
	In       string // path, query or header; empty in a body
	Type     string // such as string, integer, array of strings
	Required bool
	Doc      string
	Example  string // of a parameter of the path, for the request
}

// ReferenceResponse is what a call that succeeds is answered with.
type ReferenceResponse struct {
	Status  int
	Example string // JSON, or empty
}

// ReferenceError is a code of errors with its meaning.
type ReferenceError struct {
	Code   string
	Status int
	Doc    string
}

// paragraphs splits a text at its blank lines.
func paragraphs(doc string) []string {
	if doc == "" {
		return nil
	}
	return strings.Split(doc, "\n\n")
}

// methodTone gives a method its colour: green reads, red deletes.
func methodTone(method string) string {
	switch method {
	case "GET":
		return "tone-ok"
	case "DELETE":
		return "tone-bad"
	}
	return "tone-info"
}

// request writes the operation as a command for a POSIX shell.
func (op ReferenceOperation) request(base string) string {
	path := op.Path
	for _, p := range op.Parameters {
		if p.In == "path" {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", p.Example)
		}
	}
	token := apiKeyVariable
	if op.Session {
		token = "SESSION_TOKEN"
	}
	return curl(op.Method, base+path, token, op.Example)
}

// access says in words what an operation demands of the key.
func (op ReferenceOperation) access() string {
	switch {
	case op.Session:
		return "Token of a connect session"
	case op.Scope == "":
		return "Any API key"
	}
	return "Scope"
}

func (e ReferenceError) anchor() string { return "error-" + e.Code }

func (r ReferenceResponse) title() string { return "Response " + strconv.Itoa(r.Status) }
