import type { Language } from '@websocket-spaces/protocol'

/** `not_a_hub`: something answered there, in a way no hub does. */
export type UnreachableCause = 'refused' | 'unknown_host' | 'timeout' | 'certificate' | 'not_a_hub' | 'lost' | 'network'

const WHY: Record<UnreachableCause, Record<Language, string>> = {
  refused: { en: 'nothing accepts connections there', zh: '该地址拒绝连接' },
  unknown_host: { en: 'there is no such host', zh: '找不到该主机' },
  timeout: { en: 'no answer in time', zh: '等待应答超时' },
  certificate: { en: 'its certificate is not trusted here', zh: '其证书不受信任' },
  not_a_hub: { en: 'what answers there is not a hub', zh: '该地址上运行的不是 hub' },
  lost: { en: 'the connection was lost', zh: '连接已断开' },
  network: { en: 'the connection failed', zh: '连接失败' },
}

/** No hub answered at this address. Trying again later may help. */
export class HubUnreachable extends Error {
  override readonly name = 'HubUnreachable'
  /** Without token or path, fit to be shown. */
  readonly address: string
  readonly why: UnreachableCause
  readonly retryable = true

  constructor(address: string, why: UnreachableCause, options?: ErrorOptions) {
    super(`Cannot reach the hub at ${address}: ${WHY[why].en}`, options)
    this.address = address
    this.why = why
  }

  /** The text for a person in their language. */
  say(language: Language): string {
    return language === 'zh' ? `无法连接 hub（${this.address}）：${WHY[this.why].zh}` : this.message
  }
}

/** Finds the system's reason in whatever fetch or Socket.IO wrapped around it. */
export function unreachable(address: string, error: unknown): HubUnreachable {
  return new HubUnreachable(address, causeOf(error), { cause: error })
}

const MAX_NESTING = 8

function causeOf(error: unknown): UnreachableCause {
  let current = error
  for (let depth = 0; depth < MAX_NESTING && current instanceof Object; depth += 1) {
    const known = knownCause(current)
    if (known !== undefined) return known
    current = inner(current)
  }
  return 'network'
}

function knownCause(error: object): UnreachableCause | undefined {
  if ('name' in error && error.name === 'TimeoutError') return 'timeout'
  if ('description' in error && typeof error.description === 'number') {
    // Engine.IO puts the HTTP status here when a server answers that knows no Socket.IO.
    return error.description >= 400 && error.description < 500 ? 'not_a_hub' : undefined
  }
  return 'code' in error && typeof error.code === 'string' ? BY_CODE[error.code] : undefined
}

/** Fetch keeps the reason in `cause`, an AggregateError in `errors`, Engine.IO in `description` or `context`. */
function inner(error: object): unknown {
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) return error.errors[0]
  for (const key of ['cause', 'error', 'description', 'context', 'statusText'] as const) {
    const value: unknown = Reflect.get(error, key)
    if (value instanceof Object) return value
  }
  return undefined
}

const BY_CODE: Readonly<Record<string, UnreachableCause>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'unknown_host',
  EAI_AGAIN: 'unknown_host',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate',
  CERT_HAS_EXPIRED: 'certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate',
}
