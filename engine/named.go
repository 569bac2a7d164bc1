package engine

import "golang.org/x/sys/unix"

// known answers for a file by a name that leads to it, through links: what
// /proc/PID/exe runs, what a descriptor holds. ok is false where the file has to be
// opened: its digest is not at hand, or the kernel guards it. Opening and asking
// the descriptor is nine system calls, this is one.
func (d *Digests) known(name string, plain bool) (key fileKey, digest FileDigest, ok bool) {
	key, enough, err := statKey(unix.AT_FDCWD, name, 0)
	if err != nil || !enough {
		return key, FileDigest{}, false
	}
	digest, ok = d.unchanged(key, plain)
	return key, digest, ok
}

func (k fileKey) inode() inode { return inode{k.dev, k.ino} }
