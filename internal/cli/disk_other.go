//go:build !linux && !darwin

package cli

// freeBytes does not know.
func freeBytes(string) (free uint64, known bool) { return 0, false }
