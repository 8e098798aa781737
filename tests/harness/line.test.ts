/** The tests' own wire: what it does to connections is what a test says it does. */
import { once } from 'node:events'
import { type AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Server } from 'socket.io'
import { io, type Socket } from 'socket.io-client'
import { eventually } from './eventually.ts'
import { type Line, startLine } from './line.ts'

const http = createServer((_request, response) => response.end('answer'))
const server = new Server(http)
const heard: string[] = []
let address: string
let line: Line
let socket: Socket

beforeAll(async () => {
  server.on('connection', (peer) => {
    peer.on('say', (word: string, answer: (word: string) => void) => {
      heard.push(word)
      answer(word)
    })
  })
  await once(http.listen(0, '127.0.0.1'), 'listening')
  address = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  line = await startLine(['http://127.0.0.1:1', address])
  socket = io(line.url, { transports: ['websocket'], reconnectionDelay: 20 })
  await once(socket as unknown as NodeJS.EventEmitter, 'connect')
})
afterAll(async () => {
  socket.disconnect()
  await line[Symbol.asyncDispose]()
  await server.close()
})

/** True when there is an answer soon. */
async function answers(word: string, within: number): Promise<boolean> {
  return socket
    .timeout(within)
    .emitWithAck('say', word)
    .then(
      () => true,
      () => false,
    )
}

test('passes what is said to the first server that takes connections', async () => {
  expect(await (await fetch(line.url)).text()).toBe('answer')
  expect(await answers('plain', 5_000)).toBe(true)
})

test('frozen, nothing arrives; afterwards what waited does', async () => {
  line.freeze('hold', ['down'])
  expect(await answers('held', 300)).toBe(false)
  expect(heard).toContain('held')
  line.freeze('hold', ['up'])
  const late = socket.emitWithAck('say', 'late')
  expect(heard).not.toContain('late')
  line.clear()
  expect(await late).toBe('late')
})

test('half-open, what is said vanishes; afterwards the connection is reset', async () => {
  line.freeze('swallow', ['up'])
  expect(await answers('gone', 300)).toBe(false)
  line.clear()
  await eventually(
    () => answers('back', 1_000),
    (answered) => answered,
  )
  expect(heard).not.toContain('gone')
})

test('cut, the connection is lost and can be made anew', async () => {
  const before = socket.id
  line.cut()
  await eventually(
    () => socket.connected && socket.id !== before,
    (isNew) => isNew,
  )
  expect(await answers('after the cut', 5_000)).toBe(true)
})

test('repeats chosen messages, the copy at once or after the next message', async () => {
  const from = heard.length
  line.repeat(
    (message) => message.includes('"say"'),
    () => true,
  )
  for (const word of ['one', 'two', 'three', '你好'.repeat(40)]) expect(await answers(word, 5_000)).toBe(true)
  await eventually(
    () => heard.slice(from),
    (words) => words.filter((word) => word === 'one').length === 2 && words.filter((word) => word === 'two').length === 2,
  )
  expect(line.clear()).toBeGreaterThanOrEqual(4)
})
