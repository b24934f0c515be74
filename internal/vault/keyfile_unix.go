//go:build unix && !solaris && !aix

package vault

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

func inode(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Ino)
	}
	return 0
}

// lockDir keeps other processes from changing a key file of the folder until unlock; the system lifts the lock of one that dies.
func lockDir(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(d.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return func() { d.Close() }, nil
}
