import { type Language, LIMITS } from '@websocket-spaces/protocol'

const CAUSES = {
  config_invalid: {
    en: 'Setting {name} is not valid; it takes: {expected}',
    zh: '配置项 {name} 无效，应为：{expected}',
  },
  secret_damaged: {
    en: '{path} is damaged. Restore it, or delete it to make a new one; everybody then signs in again.',
    zh: '{path} 已损坏。请恢复该文件；也可以删除它以生成新的密钥，此后所有人需要重新登录。',
  },
  port_in_use: {
    en: 'Port {port} is in use. Stop the other program, or choose another port: PORT=5002 npm start',
    zh: '端口 {port} 已被占用。请停止占用它的程序，或换一个端口：PORT=5002 npm start',
  },
  address_unavailable: {
    en: 'Cannot listen on {host}:{port} ({problem}). Check HOST and PORT.',
    zh: '无法监听 {host}:{port}（{problem}）。请检查 HOST 和 PORT。',
  },
  data_dir_unwritable: {
    en: 'Cannot write to the data directory {path} ({problem}). Fix its permissions or set DATA_DIR.',
    zh: '无法写入数据目录 {path}（{problem}）。请修正权限，或设置 DATA_DIR。',
  },
  data_dir_in_use: {
    en: 'Another hub is using the data directory {path}. Stop it, or set DATA_DIR.',
    zh: '另一个 hub 正在使用数据目录 {path}。请先停止它，或设置 DATA_DIR。',
  },
  disk_full: {
    en: 'The disk holding {path} is full. Free some space and start again; nothing stored was lost.',
    zh: '{path} 所在磁盘已满。请清理空间后重新启动；已保存的数据没有丢失。',
  },
  database_unreachable: {
    en: 'Cannot reach PostgreSQL at {database} ({problem}). Start it, or check DATABASE_URL.',
    zh: '无法连接 PostgreSQL：{database}（{problem}）。请启动数据库，或检查 DATABASE_URL。',
  },
  database_refused: {
    en: 'PostgreSQL at {database} refuses this hub ({problem}). Check user, password and database in DATABASE_URL, and that the user may create tables.',
    zh: 'PostgreSQL {database} 拒绝了此 hub（{problem}）。请检查 DATABASE_URL 中的用户名、密码和数据库名，并确认该用户有建表权限。',
  },
  redis_unreachable: {
    en: 'Cannot use Redis at {server} ({problem}). Start it, or check REDIS_URL.',
    zh: '无法使用 Redis：{server}（{problem}）。请启动 Redis，或检查 REDIS_URL。',
  },
  database_newer: {
    en: 'The database {path} was written by a newer version (it has "{migration}"). Update this program, or restore a backup.',
    zh: '数据库 {path} 由更新的版本写入（含有“{migration}”）。请升级本程序，或恢复备份。',
  },
  database_damaged: {
    en: '{path} is not a database this program can read ({problem}). Restore a backup, or move it away to start afresh.',
    zh: '{path} 不是本程序可读取的数据库（{problem}）。请恢复备份，或移走该文件后重新开始。',
  },
} as const satisfies Record<string, Record<Language, string>>

/** What each setting takes, in a form that needs no language. */
export const EXPECTED = {
  HOST: '0.0.0.0 | 127.0.0.1 | ::',
  PORT: '0–65535',
  DATA_DIR: './data',
  ADMIN_PASSWORD: `${LIMITS.passwordMinChars}–${LIMITS.passwordMaxChars} characters / 字符`,
  PUBLIC_URL: 'https://spaces.example.org',
  LOG_LEVEL: 'trace | debug | info | warn | error | fatal | silent',
  TRUST_PROXY: 'true | false',
  WEB_DIR: './packages/web/build',
  DATABASE_URL: 'postgres://user:password@host:5432/database',
  REDIS_URL: 'redis://user:password@host:6379',
  APP_GRACE_SECONDS: '0–3600',
  RETENTION_DAYS: '0–36500',
  SQLITE_SYNCHRONOUS: 'full | normal',
} as const

export type StartupCause = keyof typeof CAUSES

/** Why a hub could not start, with what to do about it. Shown as one sentence, never as a stack trace. */
export class StartupError extends Error {
  override readonly name = 'StartupError'
  readonly code: StartupCause
  readonly details: Readonly<Record<string, string | number>>

  constructor(code: StartupCause, details: Readonly<Record<string, string | number>>, options?: ErrorOptions) {
    super(fill(CAUSES[code].en, details), options)
    this.code = code
    this.details = details
  }

  say(language: Language): string {
    return fill(CAUSES[this.code][language], this.details)
  }
}

function fill(text: string, details: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, key: string) => String(details[key] ?? whole))
}
