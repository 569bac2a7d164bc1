package engine

import (
	"path"
	"regexp"
	"strings"
)

// containerShape is the last element of a container's control group: docker,
// containerd, CRI-O and podman by systemd ("docker-ID.scope") or by cgroupfs ("ID").
var containerShape = regexp.MustCompile(`^(?:(?:docker|cri-containerd|crio|libpod|nerdctl)-)?([0-9a-f]{64})(?:\.scope)?$`)

// containerID returns the container a control group belongs to, "" if it is not
// recognisable as one. A process in the container may live in groups below it.
func containerID(cgroup string) string {
	for ; len(cgroup) > 1; cgroup = path.Dir(cgroup) {
		if m := containerShape.FindStringSubmatch(path.Base(cgroup)); m != nil {
			return m[1]
		}
	}
	return ""
}

// forwardsTo returns the address a docker-proxy process forwards to, by its own
// arguments "-container-ip ADDRESS -container-port PORT".
func forwardsTo(exe string, args []string) (string, bool) {
	if path.Base(exe) != "docker-proxy" {
		return "", false
	}
	var ip, port string
	for i, a := range args {
		switch strings.TrimLeft(a, "-") {
		case "container-ip":
			ip, _ = after(args, i)
		case "container-port":
			port, _ = after(args, i)
		}
	}
	if strings.Contains(ip, ":") {
		ip = "[" + ip + "]"
	}
	return "http://" + ip + ":" + port, ip != "" && port != ""
}
