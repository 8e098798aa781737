# A hub, and the other commands of `spaces`. Holds no secrets: they come by environment variables at run time.
FROM node:24-slim AS manifests
WORKDIR /app
# Alone, so that a change of the sources does not install everything anew.
COPY package.json package-lock.json ./
COPY packages/cli/package.json packages/cli/
COPY packages/client/package.json packages/client/
COPY packages/hub/package.json packages/hub/
COPY packages/protocol/package.json packages/protocol/
COPY packages/web/package.json packages/web/
COPY examples/ocr/package.json examples/ocr/

FROM manifests AS page
RUN npm ci --no-audit --no-fund
COPY packages/protocol packages/protocol
COPY packages/web packages/web
COPY scripts scripts
RUN npm run build

FROM manifests AS dependencies
# The optional ones are the build's tools and a Node of our own, which this image has already.
RUN npm ci --no-audit --no-fund --omit=dev --omit=optional --workspace packages/cli --workspace packages/client \
  --workspace packages/hub --workspace packages/protocol

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=5001 DATA_DIR=/data
WORKDIR /app
RUN install -d -o node -g node -m 700 /data
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules node_modules
COPY packages/protocol packages/protocol
COPY packages/client packages/client
COPY packages/hub packages/hub
COPY packages/cli packages/cli
COPY --from=page /app/packages/web/build packages/web/build
USER node
# SQLite and secrets; with DATABASE_URL nothing that must be kept.
VOLUME /data
EXPOSE 5001
# The hub then lets apps hand in what they have for up to 5 s, and closes.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "packages/cli/src/main.ts"]
CMD ["serve"]
