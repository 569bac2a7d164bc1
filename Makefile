# Two commands matter: `make run` shows the main job on this machine, `make test` runs all tests. Both set up what they need.
SHELL       := /bin/bash
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
GOFLAGS     := -trimpath -buildvcs=false
LDFLAGS     := -s -w -X main.version=$(VERSION)
STATIC      := CGO_ENABLED=0 go build $(GOFLAGS) -ldflags '$(LDFLAGS)'
# -z lazy: a driver without one of the symbols go-nvml names must not keep the probe from starting (docs/decisions/0002).
PROBE       := CGO_ENABLED=1 go build $(GOFLAGS) -ldflags '$(LDFLAGS) -extldflags "-Wl,-z,lazy"'
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 60s
SOAK_MINUTES ?= 60
# go-nvml's header marks old calls as deprecated; drivers in the field have no others.
export CGO_CFLAGS := -Wno-deprecated-declarations

.PHONY: all build run test check vet links fuzz vectors vuln soak soak-domain mutate-tdx bench bench-batch bench-hash bench-telemetry bench-stats deb rpm packages vmtest vmtest-verity clean setup setup-test

all: build

build: ## all programs into bin/
	$(STATIC) -o bin/hallmark ./cmd/hallmark
	$(STATIC) -o bin/hallmark-agent ./cmd/hallmark-agent
	$(PROBE) -o bin/hallmark-gpuprobe ./cmd/hallmark-gpuprobe
	$(STATIC) -o bin/hallmark-demo ./cmd/hallmark-demo

setup: ## what `make run` needs, by apt where it is missing
	@packaging/setup.sh gcc swtpm swtpm_setup

setup-test: ## what `make test` needs beside it
	@packaging/setup.sh gcc swtpm swtpm_setup tpm2_checkquote fsverity readelf

run: setup build ## the main job, end to end, with attackers, then a domain of nodes, on this machine alone
	bin/hallmark-demo
	bin/hallmark-demo domain

test: setup-test ## all tests
	go test ./...
	cd internal/integration && go test ./...
	HALLMARK_DOMAIN=1 go test ./cmd/hallmark-demo -run TestDomain -count 1

check: setup-test vet links ## format, vet, staticcheck, race tests, import rules, tidy
	go test -race ./agent/... ./attest/... ./gpu/... ./internal/... ./sign/... ./stats/... ./verify/...

vet:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'run gofmt -w on these'; exit 1; }
	go mod tidy -diff
	go vet ./...
	$(STATICCHECK) ./...
	cd internal/integration && go mod tidy -diff && go vet ./... && $(STATICCHECK) ./...

links: build ## the agent has no NVML symbol, the probe is bound lazily
	packaging/check-links.sh bin/hallmark-agent bin/hallmark bin/hallmark-gpuprobe

fuzz: ## every fuzz target for FUZZTIME
	packaging/fuzz.sh $(FUZZTIME)

vectors: ## write testdata/vectors anew
	go test ./verify -run 'TestVectors|ClaimsOfWrongForm' -update

vuln: ## known vulnerabilities in what is linked; needs the Go vulnerability database
	go run golang.org/x/vuln/cmd/govulncheck@v1.8.0 ./... || echo 'vuln: NOT CHECKED, or findings above: the database must be reachable'

soak: setup-test ## an hour of a failing driver, 1,000 kills while recording, 100,000 quotes: nothing wrong, lost or leaked
	HALLMARK_SOAK_MINUTES=$(SOAK_MINUTES) go test ./cmd/hallmark-gpuprobe -run TestAgentSurvives -count 1 -timeout 90m -v
	HALLMARK_KILLS=1000 go test ./agent/recorder -run TestKilled -count 1 -timeout 60m -v
	HALLMARK_SOAK=100000 go test ./attest/tpm -run TestSoak -count 1 -timeout 30m -v

DOMAIN_RUNS ?= 20

soak-domain: setup-test ## so many runs of the demo's domain: every cheat named, no wrong word of an honest node; 90 s each
	HALLMARK_DOMAIN=$(DOMAIN_RUNS) go test ./cmd/hallmark-demo -run TestDomain -count 1 -timeout 5h -v

MUTATIONS   ?= 2000000

mutate-tdx: ## so many changed TDX quotes and files of collateral, nine quotes to one file: no panic, nothing accepted in another meaning; an hour
	HALLMARK_MUTATIONS=$$(( $(MUTATIONS) * 9 / 10 )) go test ./attest/tdx/quote -run Mutated -count 1 -timeout 3h -v
	HALLMARK_MUTATIONS=$$(( $(MUTATIONS) / 10 )) go test ./attest/tdx/collateral -run Mutated -count 1 -timeout 3h -v

bench: ## benchmarks beside the code
	go test -run '^$$' -bench . -benchmem ./attest/... ./sign/... ./gpu/... ./engine/... ./stats/... ./verify/... ./agent/...

bench-batch: setup build ## what batching is worth over a slow TPM: the real agent, 64 clients; fails below its bars
	go run ./bench/batch -bin bin

bench-hash: ## how fast weights are hashed, against fsverity digest, b3sum and a bare read loop; 4 GiB in HALLMARK_BENCH_DIR; fails below its bars
	@packaging/setup.sh fsverity b3sum
	go run $(GOFLAGS) ./bench/hash

bench-telemetry: setup build ## what recording telemetry costs: the real agent over 8 simulated GPUs, beside prometheus-node-exporter; fails above its bars
	@packaging/setup.sh prometheus-node-exporter
	go run $(GOFLAGS) ./bench/telemetry -bin bin

bench-stats: ## simulated domains of honest and cheating nodes: what the statistics catch, and whom they flag wrongly; fails outside its bars
	go run $(GOFLAGS) ./bench/stats

deb rpm: build ## one package into dist/
	mkdir -p dist && VERSION=$(VERSION) packaging/package.sh $@

packages: deb rpm

vmtest: deb ## boots a guest with Secure Boot, TPM and IMA once for each scenario; needs root, 12 minutes
	vm/setup.sh
	vm/run.sh

vmtest-verity: ## a kernel's own fs-verity against ours, and a damaged disk, in a guest; needs root, a minute
	vm/setup.sh qemu-system-x86_64 mkfs.ext4
	vm/verity.sh

clean:
	rm -rf bin dist
