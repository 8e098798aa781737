import type { FollowItem } from '@websocket-spaces/protocol'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { HubRefusal, HubUnreachable, SpacesClient } from '../src/index.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A real HTTP server on a free port, answering as the test says. */
async function serve(answer: Answer) {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    client: new SpacesClient({ host: `http://127.0.0.1:${port}`, apiKey: 'wsk_key', language: 'zh' }),
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function nobodyThere(): Promise<string> {
  await using gone = await serve(() => undefined)
  return gone.url
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string | string[]> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

function sse(item: FollowItem): string {
  const id = item.type === 'position' ? '' : `id: ${item.seq}\n`
  return `${id}event: ${item.type}\ndata: ${JSON.stringify(item)}\n\n`
}

const at = '2026-01-01T00:00:00.000Z'
const QUEUED: FollowItem = { type: 'status', seq: 1, at, status: 'queued', attempt: 0 }
const RESULT: FollowItem = { type: 'result', seq: 4, at, outcome: { status: 'completed', result: { text_output: '你好' } } }
const STORY: FollowItem[] = [
  QUEUED,
  { type: 'position', position: 1, queue_length: 1 },
  { type: 'status', seq: 2, at, status: 'processing', attempt: 1 },
  { type: 'output', seq: 3, at, text: '你好' },
  RESULT,
]

describe('follow', () => {
  test('resumes after the last event seen, each event once', async () => {
    const cursors: (string | undefined)[] = []
    await using hub = await serve((request, response) => {
      cursors.push(request.headers['last-event-id']?.toString())
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      if (cursors.length === 1) response.write(STORY.slice(0, 3).map(sse).join(''), () => response.destroy())
      else response.end(STORY.slice(1).map(sse).join(''))
    })
    const items = await collect(hub.client.follow('r1'))
    expect(cursors).toEqual([undefined, '2'])
    expect(items.filter((item) => item.type !== 'position').map((item) => item.seq)).toEqual([1, 2, 3, 4])
  })

  test('starts after the given cursor', async () => {
    await using hub = await serve((request, response) => {
      expect(request.headers['last-event-id']).toBe('3')
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(sse(RESULT))
    })
    expect(await collect(hub.client.follow('r1', { after: 3 }))).toEqual([RESULT])
  })

  test('a result that was seen before ends it', async () => {
    let calls = 0
    await using hub = await serve((_request, response) => {
      calls += 1
      response.writeHead(204).end()
    })
    expect(await collect(hub.client.follow('r1', { after: 4 }))).toEqual([])
    expect(calls).toBe(1)
  })

  test("a request that is not ours ends it with the hub's refusal", async () => {
    await using hub = await serve((_request, response) => json(response, 404, { error: { code: 'not_found', message: '未找到' } }))
    await expect(collect(hub.client.follow('r1'))).rejects.toMatchObject({ code: 'not_found', message: '未找到' })
  })

  test('gives up on a hub that stays away', async () => {
    const client = new SpacesClient({ host: await nobodyThere() })
    await expect(collect(client.follow('r1', { giveUpAfterMs: 0 }))).rejects.toBeInstanceOf(HubUnreachable)
  })

  test('stops when its signal is aborted', async () => {
    await using hub = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(sse(QUEUED))
    })
    const controller = new AbortController()
    const seen: FollowItem[] = []
    await expect(async () => {
      for await (const item of hub.client.follow('r1', { signal: controller.signal })) {
        seen.push(item)
        controller.abort()
      }
    }).rejects.toMatchObject({ name: 'AbortError' })
    expect(seen).toHaveLength(1)
  })
})

describe('submit', () => {
  const view = (id: string) => ({
    id,
    space_id: 's1',
    space: 'alice/Echo',
    username: 'alice',
    status: 'queued',
    input: { prompt: 'once' },
    result: null,
    error: null,
    progress: null,
    position: 1,
    attempts: 0,
    attempt_history: [],
    instance: null,
    created_at: at,
    started_at: null,
    finished_at: null,
    deadline_at: null,
    urls: { self: '/s', events: '/e', cancel: '/c', web: '/w' },
  })

  test('an answer that is lost after the hub accepted makes no second request', async () => {
    const made = new Map<string, string>()
    const keys: string[] = []
    const refusals = [
      (response: ServerResponse) => response.destroy(),
      (response: ServerResponse) => json(response, 503, { error: { code: 'shutting_down', message: '服务正在重启' } }),
      (response: ServerResponse) => response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>'),
      (response: ServerResponse) => json(response, 503, { error: { code: 'app_not_connected', message: '远程应用未连接' } }),
    ]
    await using hub = await serve((request, response) => {
      const key = String(request.headers['idempotency-key'])
      keys.push(key)
      if (!made.has(key)) made.set(key, `r${made.size + 1}`)
      const refuse = refusals.shift()
      if (refuse === undefined) json(response, 202, view(made.get(key) ?? ''))
      else refuse(response)
    })
    const retries: unknown[] = []
    const first = await hub.client.submit('alice/Echo', { prompt: 'once' }, { onRetry: (error) => retries.push(error) })
    expect(first.id).toBe('r1')
    expect(new Set(keys).size).toBe(1)
    expect(retries).toHaveLength(4)
    expect((await hub.client.submit('alice/Echo', { prompt: 'once' })).id).toBe('r2')
    expect((await hub.client.submit('alice/Echo', { prompt: 'once' }, { idempotencyKey: 'mine' })).id).toBe('r3')
    expect(keys.at(-1)).toBe('mine')
  })

  test('asks for no longer a wait than a hub grants', async () => {
    await using hub = await serve((request, response) => {
      expect(request.headers.prefer).toBe('wait=60')
      json(response, 202, view('r1'))
    })
    expect((await hub.client.submit('alice/Echo', { prompt: 'x' }, { waitSeconds: 600 })).id).toBe('r1')
  })

  test('stops when its signal is aborted, and gives up on a hub that stays away', async () => {
    const client = new SpacesClient({ host: await nobodyThere() })
    await expect(client.submit('alice/Echo', { prompt: 'x' }, { giveUpAfterMs: 0 })).rejects.toMatchObject({ why: 'refused' })
    const controller = new AbortController()
    const retrying = client.submit('alice/Echo', { prompt: 'x' }, { signal: controller.signal, onRetry: () => controller.abort() })
    await expect(retrying).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('what the hub refuses is not sent again', async () => {
    let calls = 0
    await using hub = await serve((_request, response) => {
      calls += 1
      json(response, 503, { error: { code: 'app_not_connected', message: '远程应用未连接' } })
    })
    await expect(hub.client.submit('alice/Echo', { prompt: 'x' })).rejects.toMatchObject({ code: 'app_not_connected' })
    expect(calls).toBe(1)
  })
})

describe('calls', () => {
  test("a refusal keeps the hub's code, words and field", async () => {
    await using hub = await serve((request, response) => {
      expect(request.headers).toMatchObject({ authorization: 'Bearer wsk_key', 'accept-language': 'zh' })
      json(response, 503, { error: { code: 'app_not_connected', message: '远程应用未连接' } })
    })
    const error: unknown = await hub.client.submit('alice/Echo', { prompt: 'x' }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(HubRefusal)
    expect(error).toMatchObject({ code: 'app_not_connected', message: '远程应用未连接', retryable: true, status: 503 })
  })

  test('the session cookie of a sign-in is sent with later calls and dropped when it ends', async () => {
    const cookies: (string | undefined)[] = []
    const meBody = { id: 'u1', username: 'alice', role: 'user', initial_password: false }
    await using hub = await serve((request, response) => {
      cookies.push(request.headers.cookie)
      if (request.url === '/api/auth/sign-in/username')
        json(response, 200, {}, { 'set-cookie': ['s=1%2B2; Path=/; HttpOnly', 'old=; Max-Age=0'] })
      else json(response, 200, meBody)
    })
    const client = new SpacesClient({ host: hub.url })
    expect(await client.signIn('alice', 'password')).toEqual(meBody)
    expect(cookies).toEqual([undefined, 's=1%2B2'])
    await client.signOut()
    await client.me()
    expect(cookies.at(-1)).toBeUndefined()
  })

  test('an answer that no hub gives is told as such', async () => {
    await using hub = await serve((_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>router</h1>'))
    await expect(hub.client.info()).rejects.toMatchObject({ name: 'HubUnreachable', why: 'not_a_hub', address: hub.url })
  })

  test('nobody there: the error names the address, not the token in it', async () => {
    const url = await nobodyThere()
    const client = new SpacesClient({ host: `${url}/?token=wst_secret` })
    await expect(client.info()).rejects.toMatchObject({
      why: 'refused',
      message: `Cannot reach the hub at ${url}: nothing accepts connections there`,
    })
  })

  test('a bare name that two owners have is ambiguous, an unknown one is not found', async () => {
    await using hub = await serve((_request, response) => json(response, 200, { spaces: [], next: null }))
    await expect(hub.client.findSpace('Nobody')).rejects.toMatchObject({ code: 'space_not_found' })
  })
})

async function collect(items: AsyncIterable<FollowItem>): Promise<FollowItem[]> {
  const collected: FollowItem[] = []
  for await (const item of items) collected.push(item)
  return collected
}
