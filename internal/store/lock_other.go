//go:build !unix

package store

// lockFolder does nothing here: processes that start at once on a new database are to be started one after the other.
func lockFolder(string) (release func()) { return func() {} }
