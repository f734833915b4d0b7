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
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: $(deps) ## compile to dist/; bin/ace-operator.js is then runnable
	@npm run --silent build
	@chmod +x bin/ace-operator.js

.PHONY: lint
lint: $(deps) ## check format, lint rules and types
	@npm run --silent lint

.PHONY: docs
docs: $(deps) ## write the generated pages of docs/ and the generated files of charts/ anew
	@node hack/repository.ts
	@node hack/troubleshooting.ts
	@node hack/reference/reference.ts
	@node hack/charts.ts

.PHONY: site
site: hack/site/node_modules/.package-lock.json ## make the site of the same pages, to dist/site; a dead link ends it
	@rm -rf hack/site/pages && mkdir hack/site/pages
	@git ls-files --cached --others --exclude-standard '*.md' 'docs/*.svg' ':!hack' ':!test' ':!bench' ':!.github' | \
		xargs cp --parents --target-directory=hack/site/pages
	@cd hack/site && node_modules/.bin/vitepress build
	@echo dist/site

.PHONY: test
test: build control-plane prometheus ## all unit and integration tests, with all the set-up they need
	@node hack/test-summary.ts unit integration

.PHONY: test-unit
test-unit: $(deps) ## unit tests only: seconds, no control plane
	@node hack/test-summary.ts unit

.PHONY: test-integration
test-integration: build control-plane prometheus ## tests against real API servers only
	@node hack/test-summary.ts integration

.PHONY: test-oldest
test-oldest: export ACE_KUBERNETES := 1.20
test-oldest: export ACE_TESTED_BEFORE := 1
test-oldest: build control-plane ## the integration tests on the oldest Kubernetes that is supported
	@node hack/test-summary.ts integration

.PHONY: test-charts
test-charts: build control-plane helm ## the Helm charts, with Helm 3 and 4, and the pages that use them; builds both first, which takes some minutes once
	@node_modules/.bin/vitest run --project unit --project integration charts chart-lifecycle documents

.PHONY: test-e2e
test-e2e: build ## the whole in real pods on a real node: kind, or Debian 12 and root; docs/testing.md
	@hack/e2e/provide.sh
	@node hack/test-summary.ts e2e

.PHONY: test-chaos
test-chaos: export ACE_SEED := $(SEED)
test-chaos: export ACE_SECONDS := $(SECONDS)
test-chaos: export ACE_FAULTS := $(FAULTS)
test-chaos: export ACE_CHAOS_SHARDS := $(SHARDS)
test-chaos: build control-plane ## break everything at once, by a seed, with a checker beside it; SEED= SECONDS= FAULTS= SHARDS=; docs/reliability.md
	@hack/chaos/faketime.sh >/dev/null || true
	@node test/chaos/main.ts

.PHONY: test-chaos-checker
test-chaos-checker: export ACE_STAND_IN := $(STAND_IN)
test-chaos-checker: export ACE_SECONDS := $(SECONDS)
test-chaos-checker: build control-plane ## whether that checker finds what is wrong: a stand-in for each invariant, which breaks it; STAND_IN=
	@node test/chaos/stand-ins/main.ts

.PHONY: test-limits
test-limits: export ACE_TOKENS := $(TOKENS)
test-limits: build control-plane ## 256 MB and 256 file descriptors with TOKENS=20000, half of them of one user (Linux, root)
	@node test/chaos/limits/main.ts

.PHONY: soak
soak: export ACE_SECONDS := $(SECONDS)
soak: build control-plane ## does anything grow? memory, files, sockets, timers under steady changes; SECONDS=600
	@node test/chaos/soak.ts

.PHONY: fuzz
fuzz: export ACE_FUZZ_RUNS := $(or $(RUNS),100000)
fuzz: $(deps) ## hostile input to every parser, RUNS=100000 times each
	@node_modules/.bin/vitest run --project unit test/unit/hostile test/unit/authenticator/fuzz.test.ts

.PHONY: bench
bench: build control-plane ## measure speed, memory and growth beside yardsticks, 25 minutes; writes bench/results/; docs/testing.md
	@node bench/bench.ts

.PHONY: demo
demo: build control-plane ## carry tokens into two clusters and take them away again; KEEP=1 leaves it running
	@node demo/demo.ts

.PHONY: image
image: $(pinned_node) ## build the image with docker, buildah or podman; IMAGE=, TAG=, PLATFORM= and more: hack/image/build.sh
	@hack/image/build.sh

.PHONY: image-offline
image-offline: ## build .work/image.tar without a builder or a registry, for tests; IMAGE=, TAG=
	@mkdir -p .work
	@hack/image/build-offline.sh .work/image.tar $${IMAGE:-ace-operator}:$${TAG:-latest}

.PHONY: sbom
sbom: $(deps) ## write what the image holds, as CycloneDX, to dist/sbom.cdx.json
	@node hack/sbom.ts dist/sbom.cdx.json
	@echo dist/sbom.cdx.json

.PHONY: cli
cli: $(deps) $(pinned_node) ## the command line as one file that needs no Node, to dist/kubectl-ace; PLATFORM=linux/amd64, else for all platforms
	@node hack/executable/executable.ts dist/kubectl-ace $(PLATFORM)

.PHONY: release
release: $(deps) $(pinned_node) ## everything that a release has, to dist/release; IMAGE= is what the manifests name, IMAGE_PLATFORM=; docs/release.md
	@node hack/release/release.ts dist/release

.PHONY: release-in-debian
release-in-debian: ## the same with docker, where the machine is not Debian; DEBIAN_IMAGE=, else the one with Node that the Dockerfile builds with, not slim
	@docker run --rm --user "$$(id -u):$$(id -g)" --env HOME=/tmp --env IMAGE --env IMAGE_PLATFORM --env SOURCE_DATE_EPOCH \
		--volume "$(CURDIR):$(CURDIR)" --workdir "$(CURDIR)" \
		"$${DEBIAN_IMAGE:-$$(sed -n 's/^ARG NODE_IMAGE=\(.*\)-slim$$/\1/p' Dockerfile)}" make release

.PHONY: release-sign
release-sign: ## sign the checksums of dist/release with cosign, by the identity of the workflow
	@cd dist/release && cosign sign-blob --yes --bundle SHA256SUMS.sigstore.json SHA256SUMS

.PHONY: release-upload
release-upload: ## make a draft of a release of dist/release with gh; TAG=
	@cd dist/release && gh release create "$(TAG)" --draft --verify-tag --notes-file NOTES.md \
		$$(cut -d ' ' -f 3 SHA256SUMS) SHA256SUMS SHA256SUMS.sigstore.json

.PHONY: lint-workflows
lint-workflows: ## check .github/workflows with actionlint, built from its Go module (cached outside the checkout)
	@program=$$(hack/actionlint.sh) && "$$program" .github/workflows/*.yml || [ -z "$$program" ]

.PHONY: licences
licences: $(deps) ## write docs/licences.md anew after a change of dependencies
	@node hack/licences.ts

.PHONY: audit
audit: $(deps) ## ask the npm registry for known vulnerabilities of what runs in production
	@npm audit --omit=dev

.PHONY: deploy
deploy: ## install into the cluster of kubectl's current context, or CONTEXT=, or update there; IMAGE=, TAG=
	@hack/deploy/deploy.sh

.PHONY: undeploy
undeploy: ## take everything of ours out of all clusters, then the operator; CONTEXT=, FORCE=1 leaves unreachable ones
	@hack/deploy/undeploy.sh

.PHONY: control-plane
control-plane: ## find, download or build etcd and kube-apiserver (cached outside the checkout); ACE_KUBERNETES=1.36 picks a version
	@dir=$$(hack/control-plane/provide.sh) && echo "control plane: $$dir"

# Where `make local-node` keeps its state: there is one such node on a machine, whatever the checkout.
local_node := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ace-operator/local-node/running

.PHONY: local-node
local-node: $(pinned_node) ## bring up a Kubernetes cluster of one real node without Docker (Debian 12, root)
	@kubeconfig=$$(hack/local-node/up.sh $(local_node)) && echo "local node: export KUBECONFIG=$$kubeconfig"

.PHONY: local-node-down
local-node-down: ## take the local node away, whoever started it
	@hack/local-node/down.sh

.PHONY: prometheus
prometheus: ## find or fetch prometheus and promtool (cached outside the checkout); without them their tests are skipped
	@dir=$$(hack/prometheus/provide.sh) && echo "prometheus: $$dir" || true

.PHONY: helm
helm: ## build Helm 3 and 4 from their Go modules (cached outside the checkout); without them the tests of the charts are skipped
	@hack/helm/provide.sh

.PHONY: clean
clean: ## remove what was built here; the cached control plane stays
	@rm -rf dist coverage .work

$(deps): package-lock.json $(pinned_node)
	@echo 'installing packages'
	@npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

hack/site/node_modules/.package-lock.json: hack/site/package-lock.json $(pinned_node)
	@echo 'installing what makes the site'
	@cd hack/site && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

hack/node/node_modules/.package-lock.json: hack/node/package-lock.json
	@[ "$$(uname -sm)" = 'Linux x86_64' ] || \
		{ echo 'Node 22.19 or newer is needed, and only for x64 Linux can we fetch it: please install a current Node.' >&2; exit 1; }
	@echo "installing a newer Node into hack/node (found: $$(node --version 2>/dev/null || echo none))"
	@cd hack/node && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
