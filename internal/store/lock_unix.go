//go:build unix

package store

import (
	"os"
	"syscall"
)

// lockFolder waits until no other process has the folder locked, and locks it until release. The lock is on the folder, so that
// nothing is left beside the database. Where the file system has no such locks, nobody waits.
func lockFolder(dir string) (release func()) {
	d, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	for err = syscall.EINTR; err == syscall.EINTR; {
		err = syscall.Flock(int(d.Fd()), syscall.LOCK_EX)
	}
	return func() { d.Close() }
}
