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
	Public     bool   // needs no key
	Parameters []ReferenceField
	Body       []ReferenceField
	BodyDoc    string // of the body as a whole
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
	Example  string // of a parameter; shown in the request where the parameter is required
}

// ReferenceResponse is what a call that succeeds is answered with.
type ReferenceResponse struct {
	Status  int
	Doc     string
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
	path, query := op.Path, ""
	for _, p := range op.Parameters {
		switch {
		case !p.Required || p.Example == "":
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", p.Example)
		case p.In == "query" && query == "":
			query = "?" + p.Name + "=" + p.Example
		case p.In == "query":
			query += "&" + p.Name + "=" + p.Example
		}
	}
	return curl(op.Method, base+path+query, !op.Public, op.Example)
}

// access says in words what an operation demands of the key.
func (op ReferenceOperation) access() string {
	switch {
	case op.Public:
		return "No API key"
	case op.Scope == "":
		return "Any API key"
	}
	return "Scope"
}

func (e ReferenceError) anchor() string { return "error-" + e.Code }

func (r ReferenceResponse) title() string { return "Response " + strconv.Itoa(r.Status) }
