# One image for the operator, the authenticator and the command line; what is in it and why: docs/image.md.
#
# Both bases can be pinned by digest: --build-arg NODE_IMAGE=…@sha256:…
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

# Compiled on the machine's own platform: no package of ours is native code, so the result fits every platform.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS dependencies
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund --omit=dev --omit=optional

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
COPY --from=dependencies /src/node_modules /dependencies/node_modules
ARG SOURCE_DATE_EPOCH=0
RUN SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} node hack/image/assemble.ts /image/app /dependencies/node_modules

FROM ${NODE_IMAGE} AS node

FROM ${RUNTIME_IMAGE}
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/LICENSE /usr/local/share/doc/node/LICENSE
COPY --from=build /image/app /app
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ace-operator" \
      org.opencontainers.image.description="Authorized Cluster Endpoint operator: carries management-plane tokens and users into downstream Kubernetes clusters, and takes them away again." \
      org.opencontainers.image.source="https://github.com/ace-operator/ace-operator" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 65532:65532
WORKDIR /
# There is no shell to pass through bin/ace-operator.js: these are its flags.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=4", "--no-allocation-site-pretenuring", "/app/dist/main.js"]
