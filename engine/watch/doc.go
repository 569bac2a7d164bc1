// Package watch notices that something happened to files: by fanotify where the
// kernel permits it as to CAP_SYS_ADMIN, else by inotify.
//
// Invariants: a file is watched as an inode, by its descriptor, so renames, links
// and mounts do not mislead. What happened before Drain is called is in what it
// returns. An event too many, an error or one that cannot be understood touches
// everything. A watch ends with the first event, with Forget, or with the process.
//
// What it cannot notice: writes through a shared mapping (the file's times move,
// compare them), writes to the block device, and on remote or stacked file systems
// what others do beside this kernel: the caller chooses which files to watch.
package watch
