// The arrows between the folders. A rule's comment is the sentence from ARCHITECTURE.md it enforces.
const PACKAGES = '(^|/)packages'
const HUB = '^packages/hub/src'

/** Frameworks and drivers that the use cases must not know. */
const FRAMEWORKS = '(^|/)node_modules/(fastify|@fastify|socket\\.io|engine\\.io|kysely|redis|ioredis|@socket\\.io|pg)(/|$)|^(node:)?sqlite$'

export default {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Files do not import each other in a circle.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      comment: 'Every import leads somewhere.',
      severity: 'error',
      from: { pathNot: '^packages/web/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'protocol-stands-alone',
      comment: 'protocol imports nothing of ours.',
      severity: 'error',
      from: { path: '^packages/protocol/src' },
      to: { path: '^(packages/(?!protocol)|examples|scripts|tests|bench)' },
    },
    {
      name: 'use-cases-know-no-framework',
      comment: 'requests, spaces and accounts import neither Fastify, Socket.IO, Kysely, SQLite nor Redis.',
      severity: 'error',
      from: { path: `${HUB}/(requests|spaces|accounts)/` },
      to: { path: FRAMEWORKS },
    },
    {
      name: 'use-cases-know-no-adapter',
      comment: 'requests, spaces and accounts speak to the outside only through their ports: never store, bus, files, http or sockets.',
      severity: 'error',
      from: { path: `${HUB}/(requests|spaces|accounts)/` },
      to: { path: `${HUB}/(store|bus|files|http|sockets|hub\\.ts|main\\.ts|config\\.ts)` },
    },
    {
      name: 'requests-above-spaces-and-accounts',
      comment: 'requests may import spaces and accounts, never the reverse.',
      severity: 'error',
      from: { path: `${HUB}/(spaces|accounts)/` },
      to: { path: `${HUB}/requests/` },
    },
    {
      name: 'store-and-bus-apart',
      comment: 'store and bus implement ports and do not import each other.',
      severity: 'error',
      from: { path: `${HUB}/(store|bus)/` },
      to: { path: `${HUB}/(store|bus)/`, pathNot: `${HUB}/$1/` },
    },
    {
      name: 'store-and-bus-serve-only',
      comment: 'store and bus know ports, not who calls them: never http, sockets or the wiring.',
      severity: 'error',
      from: { path: `${HUB}/(store|bus)/` },
      to: { path: `${HUB}/(http|sockets|hub\\.ts|main\\.ts)` },
    },
    {
      name: 'edges-call-use-cases',
      comment: 'http and sockets call use cases, never store or bus.',
      severity: 'error',
      from: { path: `${HUB}/(http|sockets)/` },
      to: { path: `${HUB}/(store|bus)/` },
    },
    {
      name: 'edges-apart',
      comment: 'http and sockets do not import each other.',
      severity: 'error',
      from: { path: `${HUB}/(http|sockets)/` },
      to: { path: `${HUB}/(http|sockets)/`, pathNot: `${HUB}/$1/` },
    },
    {
      name: 'one-wiring',
      comment: 'hub.ts is the only wiring: nothing but main.ts and the package entry imports it.',
      severity: 'error',
      from: { path: `${HUB}/`, pathNot: `${HUB}/(main|index)\\.ts$|\\.test\\.ts$` },
      to: { path: `${HUB}/hub\\.ts$` },
    },
    {
      name: 'outside-uses-no-hub',
      comment: 'web, client and examples never import hub; cli does so only to serve one, and to move one.',
      severity: 'error',
      from: { path: '^(packages/(web|client|cli)/src|examples/)', pathNot: '^packages/cli/src/commands/(serve|migrate)\\.ts$' },
      to: { path: '^packages/hub/' },
    },
    {
      name: 'hub-uses-no-outside',
      comment: 'hub imports none of client, cli, web and examples.',
      severity: 'error',
      from: { path: `${HUB}/` },
      to: { path: '^(packages/(client|cli|web)|examples)/' },
    },
    {
      name: 'client-below-cli',
      comment: 'client imports only protocol; web imports only protocol.',
      severity: 'error',
      from: { path: '^packages/(client|web)/src' },
      to: { path: '^(packages|examples|scripts)/', pathNot: '^packages/(protocol|$1)/' },
    },
    {
      name: 'product-uses-no-tooling',
      comment: 'packages and examples never import scripts, tests or bench.',
      severity: 'error',
      from: { path: '^(packages|examples)/' },
      to: { path: '^(scripts|tests|bench)/' },
    },
    {
      name: 'components-know-no-socket',
      comment: 'Svelte components never talk to Socket.IO; the reactive state in .svelte.ts does.',
      severity: 'error',
      from: { path: '\\.svelte$' },
      to: { path: '(^|/)node_modules/socket\\.io' },
    },
    {
      name: 'entries-through-the-front-door',
      comment: 'A package is imported by its entry, not by a file inside it.',
      severity: 'error',
      from: { path: `^packages/([^/]+)/src` },
      to: { path: `${PACKAGES}/[^/]+/src/`, pathNot: `${PACKAGES}/$1/|${PACKAGES}/[^/]+/src/index\\.ts$` },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^packages/web/(build|\\.svelte-kit)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['svelte', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.svelte', '.js', '.json'],
    },
    builtInModules: { add: ['node:sqlite'] },
  },
}
