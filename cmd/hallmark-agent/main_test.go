package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestBadUsageAndConfigurationEndWithTwo(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "agent.yaml")
	if err := os.WriteFile(bad, []byte("tpm: { devise: x }"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"no-such"}, {"serve", "--config", bad}, {"serve", "--config", bad + ".missing"}, {"collect", "--config", bad}, {"measure"}, {"measure", bad + ".missing"}} {
		if code := run(context.Background(), args); code != exitCouldNot {
			t.Errorf("%q: exit %d, want %d", args, code, exitCouldNot)
		}
	}
	if code := run(context.Background(), []string{"version"}); code != exitDone {
		t.Errorf("version: exit %d", code)
	}
}

func TestLibraryNameIsWhatTheLoaderMaps(t *testing.T) {
	for in, want := range map[string]string{"libnvidia-ml.so.1": "libnvidia-ml.so", "/opt/lib/libnvidia-ml.so.550.54": "libnvidia-ml.so", "odd": "odd"} {
		if got := libraryName(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
