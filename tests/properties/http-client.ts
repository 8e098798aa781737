import { type Agent, request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
}

export interface Question {
  readonly method: string
  /** Sent as it is: `fetch` would tidy `..` and `//` away. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

const MAX_ANSWER_CHARS = 5_000_000

/** One exchange. A stream that stays open (events) is read for a moment only. */
export async function ask(url: string, agent: Agent, { method, path, headers, body }: Question): Promise<Answer> {
  const { hostname, port } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const outgoing = request({
    hostname,
    port,
    method,
    path,
    agent,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
  })
  outgoing.once('response', (response) => {
    let text = ''
    const type = response.headers['content-type'] ?? ''
    const finish = () => resolve({ status: response.statusCode ?? 0, type, text })
    const timer = type.startsWith('text/event-stream') ? setTimeout(() => response.destroy(), 300) : undefined
    response.setEncoding('utf8').on('data', (part: string) => {
      if (text.length < MAX_ANSWER_CHARS) text += part
    })
    response.once('close', () => {
      clearTimeout(timer)
      finish()
    })
    response.once('error', finish)
  })
  outgoing.once('error', reject)
  outgoing.setTimeout(20_000, () => outgoing.destroy(new Error(`${method} ${path} was not answered`)))
  outgoing.end(body)
  return promise
}
