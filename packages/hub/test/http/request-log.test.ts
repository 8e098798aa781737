import { pino } from 'pino'
import { expect, test } from 'vitest'
import { requestLog } from '../../src/http/request-log.ts'

test("a request's own lines name it, and only for them is there a logger of its own", () => {
  const lines: string[] = []
  let children = 0
  const onChild = (): void => void (children += 1)
  const root = pino({ base: null, timestamp: false, onChild }, { write: (line) => lines.push(line) })
  const [quiet, loud] = [requestLog(root, { request: 'a' }), requestLog(root, { request: 'b' })]
  expect(children).toBe(0)
  loud.error({ err: new Error('oh') }, 'request failed')
  loud.info('again')
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { request: 'b', msg: 'request failed', err: { message: 'oh' } },
    { request: 'b', msg: 'again' },
  ])
  expect([children, quiet.level]).toEqual([1, 'info'])
})

test('a logger has what Fastify asks of it, without having made a child', () => {
  let children = 0
  const root = pino({ level: 'silent', onChild: () => void (children += 1) })
  const log = requestLog(root, { request: 'a' })
  const isWhole = (['info', 'error', 'debug', 'fatal', 'warn', 'trace', 'silent', 'child'] as const).every(
    (name) => typeof log[name] === 'function',
  )
  expect([isWhole, children]).toEqual([true, 0])
})
