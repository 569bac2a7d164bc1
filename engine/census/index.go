package census

import (
	"fmt"
	"path"
	"slices"
)

// shards reads the files that a *.safetensors.index.json names: sorted, each once.
func shards(c *cursor) ([]string, error) {
	seen := map[string]bool{}
	err := weightMap(c, func(_, file string) error {
		if seen[file] {
			return nil
		}
		if seen[file] = true; len(seen) > MaxFiles {
			return &limitError{"shards", MaxFiles}
		}
		if file == "" || file != path.Base(file) || file == ".." || file == "." {
			return fmt.Errorf("shard %s is no file name", printable(file))
		}
		return nil
	})
	out := make([]string, 0, len(seen))
	for f := range seen {
		out = append(out, f)
	}
	slices.Sort(out)
	return out, err
}

// holdIndex demands that index and headers name the same tensors in the same
// files, each once: an engine that follows the index must load what was counted.
func holdIndex(c *cursor, t table, files []File) error {
	n := 0
	err := weightMap(c, func(name, file string) error {
		x := t.find(name)
		switch {
		case x == nil:
			return fmt.Errorf("names tensor %s, which no shard has", printable(name))
		case x.indexed:
			return fmt.Errorf("names tensor %s twice", printable(name))
		case path.Base(files[x.file].Path) != file:
			return fmt.Errorf("looks for tensor %s in %s, which is in %s", printable(name), printable(file), files[x.file].Path)
		}
		x.indexed = true
		n++
		return nil
	})
	if err != nil || n == len(t) {
		return err
	}
	i := slices.IndexFunc(t, func(x tensor) bool { return !x.indexed })
	return fmt.Errorf("leaves out tensor %s of %s", printable(t[i].name), files[t[i].file].Path)
}

// weightMap calls pair for each entry of "weight_map".
func weightMap(c *cursor, pair func(name, file string) error) error {
	s, nodes, found, file := scanner{c: c}, MaxNodes, 0, ""
	err := s.object(MaxKeyBytes, func(key string) error {
		if key != "weight_map" {
			_, err := s.value(&nodes)
			return err
		}
		found++
		return s.object(MaxNameBytes, func(name string) error {
			if err := s.read(MaxKeyBytes); err != nil {
				return err
			}
			if string(s.text) != file { // as a rule that of the entry before
				file = string(s.text)
			}
			return pair(name, file)
		})
	})
	if err != nil {
		return err
	}
	if found != 1 {
		return fmt.Errorf("%d weight maps", found)
	}
	return s.end()
}
