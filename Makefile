# People and CI call make; make calls npm, node and the scripts in hack/.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# npm writes this file at the end of an install: older than the lockfile, or missing, means that we must install.
deps := node_modules/.package-lock.json

# Where the machine's Node is too old for our libraries, a pinned one from npm comes first on PATH, for every target.
node_is_new_enough := $(shell node -e 'const [major, minor] = process.versions.node.split(".").map(Number); \
	if (major > 22 || (major === 22 && minor >= 19)) console.log("yes")' 2>/dev/null)
ifneq ($(node_is_new_enough),yes)
pinned_node := hack/node/node_modules/.package-lock.json
export PATH := $(CURDIR)/hack/node/node_modules/.bin:$(PATH)
endif

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: $(deps) ## compile to dist/; bin/ace-operator.js is then runnable
	@npm run --silent build
	@chmod +x bin/ace-operator.js

.PHONY: lint
lint: $(deps) ## check format, lint rules and types
	@npm run --silent lint

.PHONY: docs
docs: $(deps) ## write the generated pages of docs/ anew
	@node hack/troubleshooting.ts

.PHONY: test
test: build control-plane ## all unit and integration tests, with all the set-up they need
	@node hack/test-summary.ts unit integration

.PHONY: test-unit
test-unit: $(deps) ## unit tests only: seconds, no control plane
	@node hack/test-summary.ts unit

.PHONY: test-integration
test-integration: build control-plane ## tests against real API servers only
	@node hack/test-summary.ts integration

.PHONY: bench
bench: build control-plane ## measure throughput, latency and memory; writes bench/results/
	@node bench/bench.ts

.PHONY: demo
demo: build control-plane ## carry tokens into two clusters and take them away again; KEEP=1 leaves it running
	@node demo/demo.ts

.PHONY: control-plane
control-plane: ## find, download or build etcd and kube-apiserver (cached outside the checkout)
	@dir=$$(hack/control-plane/provide.sh) && echo "control plane: $$dir"

.PHONY: clean
clean: ## remove what was built here; the cached control plane stays
	@rm -rf dist coverage .work

$(deps): package-lock.json $(pinned_node)
	@echo 'installing packages'
	@npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

hack/node/node_modules/.package-lock.json: hack/node/package-lock.json
	@[ "$$(uname -sm)" = 'Linux x86_64' ] || \
		{ echo 'Node 22.19 or newer is needed, and only for x64 Linux can we fetch it: please install a current Node.' >&2; exit 1; }
	@echo "installing a newer Node into hack/node (found: $$(node --version 2>/dev/null || echo none))"
	@cd hack/node && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
