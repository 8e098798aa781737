import type { Language } from '@websocket-spaces/protocol'

const CAUSES = {
  source_missing: {
    en: 'There is no hub database at {path}. Give the data directory of the old hub, or the file in it.',
    zh: '{path} 处没有 hub 数据库。请给出旧 hub 的数据目录，或其中的数据库文件。',
  },
  source_in_use: {
    en: 'A hub is running on {path}. Stop it, then move it; what it accepts until then comes along.',
    zh: '有 hub 正在使用 {path}。请先停止它再迁移；停止前接受的请求会一并迁移。',
  },
  source_unreadable: {
    en: 'Cannot read {path} ({problem}). Run this as the user the hub runs as.',
    zh: '无法读取 {path}（{problem}）。请用运行 hub 的用户执行本命令。',
  },
  source_damaged: {
    en: '{path} is not a database of a hub that can be read ({problem}). Restore a backup and move that.',
    zh: '{path} 不是可读取的 hub 数据库（{problem}）。请恢复备份，再从备份迁移。',
  },
  source_older: {
    en: '{path} was written by an older version (it lacks "{what}"). Start the hub of this version on it once, stop it, then move it.',
    zh: '{path} 由较旧的版本写入（缺少“{what}”）。请先用本版本的 hub 启动它一次，停止后再迁移。',
  },
  source_differs: {
    en: '{path} has something this version does not know ("{what}"). Move it with the version that wrote it.',
    zh: '{path} 含有本版本不认识的内容（“{what}”）。请用写入它的版本进行迁移。',
  },
  target_not_empty: {
    en: 'The database {database} is not empty ("{table}"). Nothing in it was changed. Make a new, empty one for the hub to move to.',
    zh: '数据库 {database} 不是空的（“{table}”），其中内容未作改动。请新建一个空数据库作为迁移目标。',
  },
  value_unfit: {
    en: 'A value in {table}.{column} does not fit PostgreSQL ({type}). Nothing was moved.',
    zh: '{table}.{column} 中有一个值不适合 PostgreSQL（{type}）。没有迁移任何内容。',
  },
  copy_differs: {
    en: 'What arrived in {table} is not what was sent ({sent} sent, {arrived} arrived). Nothing was kept; try again.',
    zh: '{table} 中收到的内容与发出的不同（发出 {sent}，收到 {arrived}）。没有保留任何内容，请重试。',
  },
} as const satisfies Record<string, Record<Language, string>>

export type MoveProblem = keyof typeof CAUSES

/** Why a hub was not moved, with what to do about it. Neither side was changed, save for empty tables in the target. */
export class MoveRefused extends Error {
  override readonly name = 'MoveRefused'
  readonly code: MoveProblem
  readonly details: Readonly<Record<string, string>>

  constructor(code: MoveProblem, details: Readonly<Record<string, string>>, options?: ErrorOptions) {
    super(fill(CAUSES[code].en, details), options)
    this.code = code
    this.details = details
  }

  say(language: Language): string {
    return fill(CAUSES[this.code][language], this.details)
  }
}

function fill(text: string, details: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, key: string) => details[key] ?? whole)
}
