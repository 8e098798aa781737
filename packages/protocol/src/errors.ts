/**
 * Every error a person or a program can meet: its code, HTTP status, whether the same
 * call may succeed later, and what to tell people. Programs match on the code, never
 * on the message. `{name}` in a message is filled from the error's details.
 */
export const LANGUAGES = ['en', 'zh'] as const
export type Language = (typeof LANGUAGES)[number]

interface ErrorSpec {
  readonly status: number
  readonly retryable: boolean
  readonly en: string
  readonly zh: string
}

export const ERRORS = {
  invalid_input: { status: 422, retryable: false, en: '{field}: {problem}', zh: '{field}：{problem}' },
  malformed_json: { status: 400, retryable: false, en: 'The request body is not valid JSON', zh: '请求正文不是有效的 JSON' },
  payload_too_large: {
    status: 413,
    retryable: false,
    en: 'Too large: at most {limit} bytes are accepted',
    zh: '内容过大：最多接受 {limit} 字节',
  },
  unsupported_media_type: {
    status: 415,
    retryable: false,
    en: 'Unsupported content type; send {expected}',
    zh: '不支持的内容类型，请发送 {expected}',
  },
  not_signed_in: { status: 401, retryable: false, en: 'Please sign in first', zh: '请先登录' },
  invalid_credentials: { status: 401, retryable: false, en: 'Wrong username or password', zh: '用户名或密码错误' },
  wrong_password: { status: 422, retryable: false, en: 'The current password is wrong', zh: '当前密码不正确' },
  banned: { status: 403, retryable: false, en: 'This account is suspended', zh: '该账号已被停用' },
  forbidden: { status: 403, retryable: false, en: 'You are not allowed to do this', zh: '您没有权限执行此操作' },
  cross_site: { status: 403, retryable: false, en: 'Requests from other sites are refused', zh: '已拒绝来自其他站点的请求' },
  not_found: { status: 404, retryable: false, en: 'Not found', zh: '未找到' },
  space_not_found: {
    status: 404,
    retryable: false,
    en: 'Space "{name}" not found or is not a WebSocket space',
    zh: '未找到空间“{name}”，或它不是 WebSocket 空间',
  },
  space_ambiguous: {
    status: 409,
    retryable: false,
    en: 'Multiple spaces with name "{name}" found. Please use unique space names.',
    zh: '找到多个名为“{name}”的空间，请使用唯一的空间名称。',
  },
  space_name_taken: {
    status: 409,
    retryable: false,
    en: 'You already have a space named "{name}". Choose another name.',
    zh: '您已有名为“{name}”的空间，请换一个名称。',
  },
  username_taken: { status: 409, retryable: false, en: 'This username is taken', zh: '该用户名已被使用' },
  too_many: {
    status: 409,
    retryable: false,
    en: 'The limit of {limit} is reached. Delete some first.',
    zh: '已达到上限 {limit}，请先删除一些。',
  },
  last_admin: {
    status: 409,
    retryable: false,
    en: 'The hub needs at least one admin who is not suspended',
    zh: '至少需要保留一名未停用的管理员',
  },
  registration_closed: {
    status: 403,
    retryable: false,
    en: 'Registration is closed. Ask the admin for an account.',
    zh: '已关闭注册，请联系管理员开通账号。',
  },
  invite_required: { status: 403, retryable: false, en: 'A valid invite code is required to register', zh: '注册需要有效的邀请码' },
  app_not_connected: { status: 503, retryable: true, en: 'Remote app not connected', zh: '远程应用未连接' },
  queue_full: {
    status: 429,
    retryable: true,
    en: 'The queue of this space is full ({limit}). Try again later.',
    zh: '该空间的队列已满（{limit}），请稍后再试。',
  },
  too_fast: {
    status: 429,
    retryable: true,
    en: 'One request every {seconds} s is allowed here. Try again in {wait} s.',
    zh: '此空间每 {seconds} 秒只能提交一次请求，请在 {wait} 秒后重试。',
  },
  quota_exceeded: {
    status: 429,
    retryable: true,
    en: 'Your quota of {limit} requests a day on this space is used up',
    zh: '您今天在此空间的 {limit} 次请求额度已用完',
  },
  rate_limited: {
    status: 429,
    retryable: true,
    en: 'Too many attempts. Try again in {wait} s.',
    zh: '尝试次数过多，请在 {wait} 秒后重试。',
  },
  priority_refused: {
    status: 403,
    retryable: false,
    en: 'Only the owner of this space and admins may submit with high priority',
    zh: '只有空间所有者和管理员可以使用高优先级',
  },
  key_reused: {
    status: 409,
    retryable: false,
    en: 'This Idempotency-Key was used for another request. Use a new key.',
    zh: '该 Idempotency-Key 已用于另一个请求，请使用新的键。',
  },
  request_finished: { status: 409, retryable: false, en: 'This request is already finished', zh: '该请求已经结束' },
  stale_lease: { status: 409, retryable: false, en: 'This request is no longer yours to report on', zh: '该请求已不再由此连接处理' },
  not_registered: { status: 403, retryable: false, en: 'Register for a space first', zh: '请先注册到一个空间' },
  already_registered: { status: 409, retryable: false, en: 'This connection is already registered', zh: '该连接已注册' },
  token_required: {
    status: 401,
    retryable: false,
    en: "A connect token is required. Make one on the space's page and pass it along.",
    zh: '需要连接令牌。请在空间页面创建一个并随连接提供。',
  },
  token_invalid: { status: 401, retryable: false, en: 'The connect token is wrong or was revoked', zh: '连接令牌错误或已被吊销' },
  token_mismatch: {
    status: 403,
    retryable: false,
    en: 'The connect token is not valid for space "{name}"',
    zh: '该连接令牌不适用于空间“{name}”',
  },
  token_revoked: { status: 401, retryable: false, en: 'The connect token was revoked', zh: '连接令牌已被吊销' },
  register_timeout: { status: 408, retryable: true, en: 'No registration arrived in time', zh: '未在规定时间内完成注册' },
  timeout: {
    status: 504,
    retryable: true,
    en: 'The app did not finish within {seconds} s. You can submit again.',
    zh: '应用未能在 {seconds} 秒内完成，您可以重新提交。',
  },
  app_lost: {
    status: 502,
    retryable: true,
    en: 'The app was lost {attempts} times while working on this request',
    zh: '应用在处理该请求时失去连接 {attempts} 次',
  },
  app_stayed_away: {
    status: 503,
    retryable: true,
    en: 'No app connected within {time} to take this request. You can submit again.',
    zh: '{time} 内没有应用连接来处理该请求，您可以重新提交。',
  },
  app_failed: { status: 502, retryable: false, en: 'The app reported an error', zh: '应用报告了错误' },
  result_too_large: {
    status: 502,
    retryable: false,
    en: "The app's result is larger than {limit} bytes",
    zh: '应用返回的结果超过 {limit} 字节',
  },
  output_full: {
    status: 413,
    retryable: false,
    en: 'This request has as much streamed output and as many events as are kept',
    zh: '该请求的流式输出或事件数量已达保存上限',
  },
  shutting_down: { status: 503, retryable: true, en: 'The hub is restarting. Try again in a moment.', zh: '服务器正在重启，请稍后重试。' },
  storage_full: {
    status: 507,
    retryable: true,
    en: "The hub's disk is full. Nothing was accepted; tell the admin.",
    zh: '服务器磁盘已满，未接受任何内容，请联系管理员。',
  },
  storage_unavailable: {
    status: 503,
    retryable: true,
    en: 'The hub cannot reach its database at the moment. Please try again shortly.',
    zh: '服务器暂时无法访问数据库，请稍后再试。',
  },
  internal: {
    status: 500,
    retryable: true,
    en: 'Something went wrong on the hub. The admin finds the cause in its log under id {request_id}.',
    zh: '服务器内部出错，管理员可在日志中按编号 {request_id} 查找原因。',
  },
} as const satisfies Record<string, ErrorSpec>

export type ErrorCode = keyof typeof ERRORS
export const ERROR_CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]
export type ErrorDetails = Readonly<Record<string, string | number>>

/** The text for a person; placeholders without a detail stay visible rather than vanish. */
export function errorMessage(code: ErrorCode, language: Language = 'en', details: ErrorDetails = {}): string {
  return ERRORS[code][language].replace(/\{(\w+)\}/g, (whole, key: string) => String(details[key] ?? whole))
}

/** The one error class of hub, client and CLI. `details` fill the message's placeholders. */
export class SpacesError extends Error {
  override readonly name = 'SpacesError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(errorMessage(code, 'en', details), options)
    this.code = code
    this.details = details
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }

  /** The text for a person in their language. */
  say(language: Language): string {
    return errorMessage(this.code, language, this.details)
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value)
}
