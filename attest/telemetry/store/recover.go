package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// read takes stock of the folder.
func (s *Store) read(ueid attest.UEID) (*Found, error) {
	list, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("telemetry store: %w", err)
	}
	found := &Found{}
	for _, e := range list {
		if !e.IsDir() {
			continue
		}
		c, err := s.readChain(e.Name(), ueid)
		if errors.Is(err, fs.ErrNotExist) && s.unborn(e.Name()) {
			continue
		}
		if err != nil {
			found.Skipped = append(found.Skipped, e.Name()+": "+err.Error())
			continue
		}
		s.chains = append(s.chains, c)
	}
	slices.SortFunc(s.chains, func(a, b *chain) int { return cmp.Or(cmp.Compare(a.ordinal, b.ordinal), cmp.Compare(a.name, b.name)) })
	if n := len(s.chains); n > 0 {
		head, cut := s.end(s.chains[n-1])
		found.Previous, found.Ordinal, found.Cut = &head, s.chains[n-1].ordinal, cut
	}
	return found, nil
}

// unborn removes a folder that a crash left between its making and its first file, and
// reports whether it was one.
func (s *Store) unborn(name string) bool {
	folder := filepath.Join(s.dir, name)
	os.Remove(filepath.Join(folder, genesisFile+newSuffix)) // if it is there
	return os.Remove(folder) == nil                         // which refuses a folder that holds anything
}

// readChain lists a chain's files, and removes what a crash left half written.
func (s *Store) readChain(name string, ueid attest.UEID) (*chain, error) {
	folder := filepath.Join(s.dir, name)
	doc, err := readFile(filepath.Join(folder, genesisFile), telemetry.MaxGenesis)
	if err != nil {
		return nil, err
	}
	g, err := telemetry.ParseGenesis(doc)
	if err != nil {
		return nil, err
	}
	if none := (attest.UEID{}); g.UEID != none && ueid != none && g.UEID != ueid {
		return nil, fmt.Errorf("belongs to node %s", g.UEID.Short())
	}
	c := newChain(name, doc, g)
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range files {
		switch index, suffix := splitName(e.Name()); {
		case strings.HasSuffix(e.Name(), newSuffix):
			os.Remove(filepath.Join(folder, e.Name())) // best effort, tried again at the next start
		case suffix == ".chunk":
			c.chunks = append(c.chunks, stored{index, sizeOf(e)})
		case suffix == ".anchor":
			c.anchors = append(c.anchors, index)
		}
	}
	return c, nil // in the order of names, which is that of the indices
}

// splitName reads "000000000061.chunk"; other names have no suffix.
func splitName(name string) (index uint64, suffix string) {
	base, suffix, ok := strings.Cut(name, ".")
	index, err := strconv.ParseUint(base, 10, 53)
	if suffix = "." + suffix; !ok || err != nil || fileName(index, suffix) != name {
		return 0, ""
	}
	return index, suffix
}

func sizeOf(e fs.DirEntry) int64 {
	info, err := e.Info()
	if err != nil {
		return 0
	}
	return info.Size()
}

// end is how far a chain is on disk. Chunks at its end that do not verify are set aside.
func (s *Store) end(c *chain) (telemetry.Head, []string) {
	var cut []string
	for n := len(c.chunks); n > 0; n = len(c.chunks) {
		name := fileName(c.chunks[n-1].first, ".chunk")
		chunk, err := s.chunk(c, c.chunks[n-1].first)
		if err == nil {
			_, _, err = chunk.Verify()
		}
		if err == nil {
			return chunk.End(), cut
		}
		path := filepath.Join(s.dir, c.name, name)
		os.Rename(path, path+".cut") // where even this fails the next start finds it again
		cut = append(cut, c.name+"/"+name)
		c.chunks = c.chunks[:n-1]
	}
	return telemetry.Start(c.doc), cut
}

// chunk reads and parses one chunk, and holds its header to its place.
func (s *Store) chunk(c *chain, first uint64) (*telemetry.Chunk, error) {
	b, err := readFile(filepath.Join(s.dir, c.name, fileName(first, ".chunk")), telemetry.MaxChunk)
	if err != nil {
		return nil, err
	}
	chunk, err := telemetry.ParseChunk(b)
	if err != nil {
		return nil, err
	}
	if chunk.Genesis != c.genesis || chunk.First != first {
		return nil, fmt.Errorf("%s holds another chunk", fileName(first, ".chunk"))
	}
	return chunk, nil
}
