# syntax=docker/dockerfile:1
#
# One image for every process: which one it is, the arguments say
# (services/sos/main.ts, edge/main.ts, …; edge/main.ts where there are none).
#
#   docker build --tag registry.example.com/hushryd/realtime:0.1.0 .
#
# A release pins both images by digest as well: --build-arg NODE_IMAGE=node@sha256:…

ARG NODE_IMAGE=node:26.10.0-trixie-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian13:nonroot

FROM ${NODE_IMAGE} AS build
WORKDIR /app
ENV NODE_ENV=development CI=1
COPY . .
# No package's script runs: what is installed is what the lock file has hashes of.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund
# The contract's code, and the pages that the edge serves.
RUN npm run gen \
  && npm run build --workspace live \
  && npm run build --workspace admin --if-present
# Only what runs stays: sources, as they are, and what they import.
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/node-linux-* node_modules/.bin \
  && find . -name '*.test.ts' -not -path './node_modules/*' -delete \
  && rm -rf bench system-tests local examples mesh tools docs sdk/testing

# Without shell, package manager or root: glibc, libstdc++, certificates and Node.
FROM ${RUNTIME_IMAGE}
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build --chown=root:root /app /app
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# The process is PID 1 and gets SIGTERM itself.
ENTRYPOINT ["/usr/local/bin/node"]
CMD ["edge/main.ts"]
