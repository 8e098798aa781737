import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { DEFAULTS, LIMITS } from '@websocket-spaces/protocol'
import { EXPECTED, StartupError } from './startup-error.ts'

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** Where the built web page lies when WEB_DIR does not say otherwise. */
const BUILT_PAGE = fileURLToPath(new URL('../../web/build', import.meta.url))

const environment = z.object({
  HOST: z.string().min(1).default('0.0.0.0'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(5001),
  DATA_DIR: z.string().min(1).default('./data'),
  ADMIN_PASSWORD: z.string().min(LIMITS.passwordMinChars).max(LIMITS.passwordMaxChars).optional(),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  TRUST_PROXY: z.stringbool().default(false),
  WEB_DIR: z.string().min(1).default(BUILT_PAGE),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  APP_GRACE_SECONDS: z.coerce.number().min(0).max(3_600).default(DEFAULTS.appGraceSeconds),
  RETENTION_DAYS: z.coerce.number().int().min(0).max(36_500).default(365),
  SQLITE_SYNCHRONOUS: z.enum(['full', 'normal']).default('full'),
})

const settingName = environment.keyof()

export interface HubConfig {
  readonly listen: { readonly host: string; readonly port: number }
  readonly dataDir: string
  readonly adminPassword: string | undefined
  /** Origin under which people reach the hub, where that differs from the address they type. */
  readonly publicUrl: string | undefined
  readonly logLevel: (typeof LOG_LEVELS)[number]
  /** Whether X-Forwarded-* headers come from a proxy of the operator's. */
  readonly trustProxy: boolean
  readonly webDir: string
  /** PostgreSQL instead of a SQLite file in the data directory. Holds a password: never to be shown. */
  readonly databaseUrl?: string | undefined
  /** Carries wake-ups between the nodes of one hub. May hold a password. */
  readonly redisUrl?: string | undefined
  /** How long an app that vanished may come back for what it was running. */
  readonly appGraceSeconds: number
  /** Age in days at which finished requests are deleted; 0 = never. */
  readonly retentionDays: number
  /** `normal`: the last moments before a power cut may be lost; a crash of the hub loses nothing either way. */
  readonly synchronous: 'full' | 'normal'
}

/** Reads the settings, all of them optional; an empty variable counts as unset. Throws `StartupError` naming the bad one. */
export function loadConfig(env: NodeJS.ProcessEnv): HubConfig {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = environment.safeParse(set)
  if (!parsed.success) {
    const name = settingName.parse(parsed.error.issues[0]?.path[0])
    throw new StartupError('config_invalid', { name, expected: EXPECTED[name] })
  }
  const { HOST, PORT, DATA_DIR, ADMIN_PASSWORD, PUBLIC_URL, LOG_LEVEL, TRUST_PROXY, WEB_DIR } = parsed.data
  return {
    listen: { host: HOST, port: PORT },
    dataDir: resolve(DATA_DIR),
    adminPassword: ADMIN_PASSWORD,
    publicUrl: PUBLIC_URL === undefined ? undefined : new URL(PUBLIC_URL).origin,
    logLevel: LOG_LEVEL,
    trustProxy: TRUST_PROXY,
    webDir: resolve(WEB_DIR),
    databaseUrl: parsed.data.DATABASE_URL,
    redisUrl: parsed.data.REDIS_URL,
    appGraceSeconds: parsed.data.APP_GRACE_SECONDS,
    retentionDays: parsed.data.RETENTION_DAYS,
    synchronous: parsed.data.SQLITE_SYNCHRONOUS,
  }
}
