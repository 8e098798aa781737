/** Every number both ends must agree on. PROTOCOL.md's table of constants is made of these. */
export const LIMITS = {
  /** Characters of a prompt. */
  promptChars: 1_000_000,
  /** Characters of a prompt in a list of requests. */
  listedPromptChars: 270_000,
  /** Characters of an `Idempotency-Key`. */
  idempotencyKeyChars: 255,
  /** Bytes of an HTTP request body. */
  httpBodyBytes: 4 * 1024 * 1024,
  /** Bytes of one Socket.IO packet; a larger one closes the socket. */
  packetBytes: 16 * 1024 * 1024,
  /** Bytes of a result as JSON; a larger one fails its request with `result_too_large`. */
  resultBytes: 4 * 1024 * 1024,
  /** Levels of nesting in a result. */
  jsonDepth: 64,
  /** Characters of streamed output kept per request; what comes after is refused. */
  outputChars: 2_000_000,
  /** Characters of one output delta. */
  deltaChars: 64_000,
  /** Stored events per request; what comes after is refused, the result excepted. */
  eventsPerRequest: 20_000,
  /** Characters of one log line; longer ones are cut. */
  logLineChars: 2_000,
  /** Bytes of a space's cover image. */
  coverBytes: 1024 * 1024,
  spaceNameChars: 64,
  descriptionChars: 20_000,
  examplesPerSpace: 6,
  examplePromptChars: 4_000,
  tagsPerSpace: 8,
  tagChars: 24,
  passwordMinChars: 8,
  passwordMaxChars: 128,
  usernameMinChars: 3,
  usernameMaxChars: 32,
  tokensPerOwner: 200,
  spacesPerOwner: 500,
  pageSize: 50,
  /** What a space may set as `max_attempts`, and how often a request is started at most, whatever ended the starts before. */
  mostAttempts: 20,
  /** What a space may set as `hold_seconds`: seven days. */
  longestHoldSeconds: 604_800,
  /** Requests an app may hold beyond those it runs. */
  maxPrefetch: 1_000,
  maxConcurrency: 1_000,
  /** Requests named in one `register` or `renew`. */
  leasesPerMessage: 2_000,
  /** Characters of answers that may wait for a peer that does not read them, requests and events of followed ones excepted; past that its socket is closed. */
  unreadChars: 8_000_000,
  /** Requests a browser may follow at once over one live socket. */
  followsPerSocket: 50,
} as const

/** Milliseconds. */
export const TIMING = {
  /** A socket that has not registered by then is closed. */
  registerWithin: 10_000,
  /** The hub pings an app this often ... */
  heartbeatEvery: 1_000,
  /** ... shows it as not connected when nothing was heard for this long ... */
  heartbeatSilence: 1_800,
  /** ... and gives the connection up, with all it holds, after this much more silence. */
  heartbeatGiveUp: 20_000,
  /** An app that has heard nothing from its hub for this long dials again: well before its leases end. */
  hubSilence: 6_000,
  /** An app that renews its leases does so this often ... */
  renewEvery: 5_000,
  /** ... and loses one that it has not renewed for this long. */
  leaseFor: 15_000,
  /** What an app does not name on its return goes back after this long: another process of it may be about to. */
  resumeWithin: 5_000,
  /** Output, progress and log lines of one request are stored together this often. */
  appendEvery: 50,
  /** Queue positions are recomputed at most this often per space. */
  positionsEvery: 250,
  /** Passed deadlines and missed wake-ups are looked for this often. */
  sweepEvery: 1_000,
  /** A node of several says this often that it lives ... */
  nodeBeatEvery: 1_000,
  /** ... and is taken for dead when it has not for this long. */
  nodeSilence: 5_000,
  /** By so much may a node's clock differ from the database's before that is logged. */
  clockTolerance: 2_000,
  /** How long a hub that has just started, or was cut off from its database, waits for apps to come back before it ends what waits for them. */
  appsReturnWithin: 60_000,
  /** How long a result is kept trying while the database is away or its disk is full: as much as either takes to come back. */
  storeResultFor: 90_000,
  /** How long a stopping hub waits for apps to hand in what they are about to finish. */
  drainFor: 5_000,
  /** A proxy closes a silent event stream; a comment is sent this often. */
  streamKeepAlive: 15_000,
} as const

export const DEFAULTS = {
  /** Seconds a request may run, from the moment its app starts it. */
  deadlineSeconds: 120,
  maxQueue: 100,
  minIntervalSeconds: 0,
  /** 0 = no quota. */
  dailyQuota: 0,
  /** How often a request is started before it fails with `app_lost`. */
  maxAttempts: 3,
  /** How long a space holds requests while no app is connected; 0 = it refuses them. */
  holdSeconds: 0,
  /** How long a request that was accepted is kept by a space that holds none, when its apps stay away: a day. */
  strandedSeconds: 86_400,
  /** What an app that declares no capacity is taken for: one at a time, with its own long queue. */
  undeclaredConcurrency: 1,
  undeclaredPrefetch: 1_000,
  /** Seconds in which an app that vanished may come back for what it was running. */
  appGraceSeconds: 30,
  /** So many failures in a row, and an app is rested ... */
  restAfterFailures: 5,
  /** ... for so many seconds, where another can take its place. */
  restSeconds: 30,
} as const
