# Atalaia in a container: docs/operating-on-aws.md, deploy/kubernetes.
#   docker build -t atalaia .                  anywhere
#   docker build -t atalaia --target aws .     with the certificates of Amazon RDS
# It runs as user 1000 and writes to /var/lib/atalaia (a volume) and nowhere else: --read-only works.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY . .
# The dashboard; then what it took to build it goes, and the clients of brokers, databases and clouds come: they are
# optional for whoever installs Atalaia by hand.
RUN node scripts/web-build.ts \
  && PEERS="$(node -p "Object.entries(require('./package.json').peerDependencies).map(([name, version]) => name + '@' + version).join(' ')")" \
  && npm prune --omit=dev --no-audit --no-fund \
  && npm install --no-save --omit=dev --no-audit --no-fund $PEERS \
  && rm -rf node_modules/node-linux-* node_modules/.bin/node node_modules/.cache

FROM node:24-bookworm-slim AS runtime
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/bench bench
COPY --from=build /app/bin bin
COPY --from=build /app/src src
COPY --from=build /app/web/dist web/dist
COPY --from=build /app/rules rules
COPY --from=build /app/scenarios scenarios
COPY --from=build /app/deploy/container deploy/container
RUN mkdir -p /var/lib/atalaia && chown 1000:1000 /var/lib/atalaia
VOLUME /var/lib/atalaia
USER 1000:1000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=180s --retries=4 \
  CMD ["node", "deploy/container/healthcheck.mjs"]
ENTRYPOINT ["node", "src/main.ts"]
CMD ["start", "--config", "deploy/container/atalaia.yaml"]

FROM runtime AS aws
ADD --chmod=644 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /etc/ssl/rds/global-bundle.pem

FROM runtime
