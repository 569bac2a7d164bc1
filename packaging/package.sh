#!/usr/bin/env bash
# package.sh deb|rpm: builds one package into dist/ from bin/ and dist/man.
# Two runs over the same commit and the same bin/ give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?usage: packaging/package.sh deb|rpm}
nfpm=${NFPM:-go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.0}

# A tag gives its version; anything else sorts before every release.
describe=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo devel)}
if [[ $describe =~ ^v?([0-9]+\.[0-9]+\.[0-9]+.*)$ ]]; then
  version=${BASH_REMATCH[1]//-/+}
else
  version=0.0.0~git.${describe//-/.}
fi
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
arch=${ARCH:-$(go env GOARCH)}

for f in bin/hallmark bin/hallmark-agent bin/hallmark-gpuprobe; do
  [ -x "$f" ] || { echo "package: $f is missing: run make build" >&2; exit 1; }
done
mkdir -p dist/man
bin/hallmark gen-docs dist/man
bin/hallmark-agent gen-docs dist/man
bin/hallmark completion bash >dist/man/hallmark.bash
bin/hallmark completion zsh >dist/man/_hallmark
rm -f dist/man/*-completion*.1 dist/man/*.gz
for page in dist/man/*.1; do
  gzip -9nf "$page"
done

sed -e "s|@VERSION@|$version|" -e "s|@ARCH@|$arch|" \
  -e "s|@MTIME@|$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)|" packaging/nfpm.yaml >dist/nfpm.yaml
$nfpm package --config dist/nfpm.yaml --packager "$kind" --target dist/
