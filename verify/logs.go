package verify

import "fmt"

// nodeLog is one log of the node from its first byte, as far as it can be put together.
type nodeLog struct {
	bytes     []byte
	continued bool   // asked for from where the history ends
	more      bool   // the node has more than was sent
	lack      string // why there is nothing to read, "" where there is
}

// log joins what the history kept with what the response brought. Nothing of it is believed until it replays.
func (a *Authenticated) log(name string) nodeLog {
	offset, asked := a.challenge.Logs.Offsets()[name]
	part, sent := a.logs[name]
	switch {
	case !asked:
		return nodeLog{lack: "the challenge did not ask for it"}
	case !sent:
		return nodeLog{lack: "the node sent none"}
	case part.Absent != nil:
		return nodeLog{lack: string(part.Absent.Reason) + ": " + part.Absent.Detail, continued: offset > 0}
	case part.Offset != offset:
		return nodeLog{lack: fmt.Sprintf("asked from byte %d, sent from byte %d", offset, part.Offset)}
	case offset == 0:
		return nodeLog{bytes: part.Bytes, more: part.More}
	}
	var kept []byte
	if h := a.options.History; h != nil {
		kept = h.Logs[name]
	}
	if uint64(len(kept)) < offset {
		return nodeLog{lack: fmt.Sprintf("it begins at byte %d, and the history holds %d: give --history, or ask for the whole log", offset, len(kept))}
	}
	whole := append(kept[:offset:offset], part.Bytes...)
	return nodeLog{bytes: whole, more: part.More, continued: true}
}

// restarted says why a log that was asked for from the middle cannot be judged.
const restarted = "it does not continue what the history holds: the host restarted, or what is kept is wrong; ask for the whole log"

// keep leaves the beginning of a log for the history; nil drops what is kept. A
// record that is older than the history says nothing about what to ask for next.
func (a *Authenticated) keep(name string, beginning []byte) {
	if h := a.options.History; h != nil && h.later(a) {
		return
	}
	if a.replayed == nil {
		a.replayed = map[string][]byte{}
	}
	a.replayed[name] = beginning
}
