/** What a column holds, whatever either database calls its type. */
export type Kind = 'text' | 'integer' | 'fraction' | 'boolean' | 'time' | 'bytes'

/** In the form in which the driver of PostgreSQL takes and gives it. */
export type Value = string | number | boolean | Date | Uint8Array | null

const KINDS: Readonly<Record<string, Kind>> = {
  text: 'text',
  'character varying': 'text',
  integer: 'integer',
  bigint: 'integer',
  'double precision': 'fraction',
  boolean: 'boolean',
  'timestamp with time zone': 'time',
  bytea: 'bytes',
}

/** The kind of a PostgreSQL type. Throws for one that no table of ours has: whoever adds it decides here how it moves. */
export function kindOf(type: string): Kind {
  const kind = KINDS[type]
  if (kind === undefined) throw new TypeError(`no table was moved with a column of type ${type} before`)
  return kind
}

/** What SQLite keeps, as PostgreSQL is to keep it; undefined when it cannot. SQLite has no booleans and no times. */
export function fromSqlite(kind: Kind, value: unknown): Value | undefined {
  if (value === null) return null
  switch (kind) {
    case 'text':
      // As the hub itself writes it: PostgreSQL keeps every character but NUL.
      return typeof value === 'string' ? value.replaceAll('\0', '\uFFFD') : undefined
    case 'integer':
      return Number.isSafeInteger(value) ? Number(value) : undefined
    case 'fraction':
      return typeof value === 'number' ? value : undefined
    case 'boolean':
      return value === 0 || value === 1 ? value === 1 : undefined
    case 'time':
      return typeof value === 'string' ? timeIn(value) : undefined
    case 'bytes':
      return value instanceof Uint8Array ? value : undefined
  }
}

function timeIn(text: string): Date | undefined {
  const time = new Date(text)
  return Number.isNaN(time.getTime()) ? undefined : time
}

/** About how much memory a value takes, in bytes. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return value.length
  return value instanceof Uint8Array ? value.byteLength : 8
}

/** The same text for the same value, and for no other of its column. */
export function canonical(value: Value): string {
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return String(value)
}
