package engine

import "golang.org/x/sys/unix"

// localMagic are file systems on which every change comes through this kernel, which
// moves the times of files and directories as it makes them. Others (NFS, CIFS,
// FUSE, 9p, Ceph; overlayfs, whose layers can be written to beside it; FAT with its
// coarse times) may change without that, so nothing is concluded from a directory's
// times there.
var localMagic = map[uint32]bool{
	unix.EXT4_SUPER_MAGIC:  true, // ext2, ext3
	unix.XFS_SUPER_MAGIC:   true,
	unix.BTRFS_SUPER_MAGIC: true,
	unix.F2FS_SUPER_MAGIC:  true,
	unix.TMPFS_MAGIC:       true,
	0x2fc12fc1:             true, // ZFS
}

// local says whether an open file or directory lies on one of them.
func local(fd int) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && localMagic[uint32(st.Type)]
}
