import { lookup } from 'node:dns'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { isPrivateAddress } from './private-address.ts'
import { Problem } from './problem.ts'

export const MAX_IMAGE_BYTES = 10 * 1024 * 1024
const FETCH_TIMEOUT_MS = 20_000
const MAX_REDIRECTS = 3

export interface FetchPolicy {
  /** The one origin that may be private, since whoever runs this app chose it. */
  readonly hubOrigin: string
  readonly allowPrivateHosts: boolean
}

/**
 * Fetches an image with limits on size (10 MB), time (20 s) and redirects (3).
 * The address that was checked is the address connected to: a name that resolves differently a moment later gains nothing.
 */
export async function fetchImage(address: URL, policy: FetchPolicy, signal: AbortSignal): Promise<Buffer> {
  const timeout = AbortSignal.timeout(FETCH_TIMEOUT_MS)
  const limited = AbortSignal.any([signal, timeout])
  try {
    return await follow(address, policy, limited)
  } catch (error) {
    signal.throwIfAborted()
    if (timeout.aborted) throw new Problem('The image did not arrive within 20 s', '图片未能在 20 秒内下载完成', { cause: error })
    if (error instanceof Problem) throw error
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'network error'
    throw new Problem(`${address.host} could not be reached (${reason})`, `无法访问 ${address.host}（${reason}）`, { cause: error })
  }
}

async function follow(start: URL, policy: FetchPolicy, signal: AbortSignal): Promise<Buffer> {
  let address = start
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await open(address, policy, signal)
    const status = response.statusCode ?? 0
    const location = response.headers.location
    if (status < 300 || status >= 400 || location === undefined) return readImage(response, status)
    response.destroy()
    address = redirectTarget(location, address)
  }
  throw new Problem(`More than ${MAX_REDIRECTS} redirects`, `重定向超过 ${MAX_REDIRECTS} 次`)
}

async function open(address: URL, policy: FetchPolicy, signal: AbortSignal): Promise<IncomingMessage> {
  checkAddress(address, policy)
  const mayBePrivate = policy.allowPrivateHosts || address.origin === policy.hubOrigin
  const send = address.protocol === 'https:' ? requestHttps : requestHttp
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const headers = { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'websocket-spaces-ocr' }
  const outgoing = send(address, { agent: false, headers, lookup: checkedLookup(mayBePrivate), signal })
  outgoing.once('response', resolve).once('error', reject).end()
  return promise
}

function checkAddress(address: URL, policy: FetchPolicy): void {
  if (address.protocol !== 'http:' && address.protocol !== 'https:') {
    throw new Problem('Only http and https addresses are read', '只支持 http 和 https 地址')
  }
  if (address.username !== '' || address.password !== '') {
    throw new Problem('Addresses with a user name or password are not read', '不支持包含用户名或密码的地址')
  }
  const host = address.hostname.replace(/^\[|\]$/g, '')
  const mayBePrivate = policy.allowPrivateHosts || address.origin === policy.hubOrigin
  // Node looks up names only, so an address written as numbers is checked here.
  if (!mayBePrivate && isIP(host) !== 0 && isPrivateAddress(host)) throw refusal(host)
}

/** Resolves a name once and hands the connection only addresses that passed the check. */
function checkedLookup(mayBePrivate: boolean): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, [])
      const allowed = mayBePrivate ? addresses : addresses.filter(({ address }) => !isPrivateAddress(address))
      const [first] = allowed
      if (first === undefined) return callback(refusal(host), [])
      return options.all === true ? callback(null, allowed) : callback(null, first.address, first.family)
    })
  }
}

function refusal(host: string): Problem {
  return new Problem(`${host} is a private address; the app may not read from there`, `${host} 是内网地址，应用不允许访问`)
}

function redirectTarget(location: string, base: URL): URL {
  const target = URL.parse(location, base.href)
  if (target === null) throw new Problem('The server redirects to an invalid address', '服务器重定向到了无效的地址')
  return target
}

async function readImage(response: IncomingMessage, status: number): Promise<Buffer> {
  try {
    if (status !== 200) throw new Problem(`The server answered with status ${status}`, `服务器返回状态码 ${status}`)
    const type = (response.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
    if (type !== '' && type !== 'application/octet-stream' && !type.startsWith('image/')) {
      throw new Problem(`The address leads to ${type}, not to an image`, `该地址返回的是 ${type}，而不是图片`)
    }
    if (Number(response.headers['content-length'] ?? 0) > MAX_IMAGE_BYTES) throw tooLarge()
    return await readLimited(response)
  } finally {
    response.destroy()
  }
}

async function readLimited(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_IMAGE_BYTES) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export function tooLarge(): Problem {
  return new Problem('The image is larger than 10 MB', '图片超过 10 MB')
}
