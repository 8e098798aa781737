import { HubRefusal, HubUnreachable, type RunContext, type ServedRequest, type ServeEvent } from '@websocket-spaces/client'
import { requestId } from '@websocket-spaces/protocol'
import { describe, expect, test } from 'vitest'
import { answerTo, countTokens, inPieces, mockInference } from '../src/mock/mock-inference.ts'
import { createNarrator } from '../src/mock/narrate.ts'
import { registrationRefusal } from '../src/mock/registration-refusal.ts'
import { createTranscript, formatTime, header } from '../src/mock/transcript.ts'
import { terminal } from './terminal.ts'

const NOON = new Date(2024, 0, 8, 12, 0, 0)
const STAMP = '[2024-01-08 12:00:00]'
const id = requestId.parse('01a2035a-067f-75fb-b5c5-384770b8a7f9')
const request: ServedRequest = {
  id,
  username: 'admin',
  prompt: '写一首关于Python的诗',
  payload: { prompt: '写一首关于Python的诗', timestamp: 0 },
  attempt: 1,
  deadlineSeconds: 120,
}

function narrated(verbose: boolean, events: readonly ServeEvent[], language: 'en' | 'zh' = 'en'): string[] {
  const cli = terminal(language)
  const narrate = createNarrator(
    cli,
    createTranscript(cli, verbose, () => NOON),
    'http://localhost:5001',
  )
  for (const event of events) narrate(event)
  return cli.printed
}

const START: ServeEvent[] = [
  { type: 'connecting', address: 'http://localhost:5001', attempt: 1 },
  { type: 'connected' },
  { type: 'registering', space: 'TestSpace_1704123456' },
  { type: 'registered', connectionId: 'abc123def456', spaceId: 's', space: 'admin/TestSpace_1704123456', message: '' },
]

describe('the transcript', () => {
  test('begins with the banner', () => {
    const rule = '='.repeat(70)
    expect(header('http://localhost:5001', ['TestSpace_1704123456'], true)).toEqual([
      rule,
      '  Mock WebSocket Inference App',
      rule,
      '  Host: http://localhost:5001',
      '  Space: TestSpace_1704123456',
      '  Verbose: True',
      rule,
      '',
    ])
  })

  test.each(['en', 'zh'] as const)('tells the connection to the letter (%s)', (language) => {
    expect(narrated(true, START, language)).toEqual([
      `${STAMP} [INFO] Initializing connection to http://localhost:5001`,
      `${STAMP} [✓] Socket.IO connection established`,
      `${STAMP} [INFO] Sent registration for space: TestSpace_1704123456`,
      `${STAMP} [✓] Registration successful!`,
      `${STAMP} [INFO] Connection ID: abc123def456`,
      `${STAMP} [INFO] Request processor started`,
    ])
  })

  const run: ServeEvent[] = [
    { type: 'request', request, held: 1 },
    { type: 'started', request },
    { type: 'completed', requestId: id, seconds: 2.304 },
    { type: 'result_sent', requestId: id },
  ]

  test.each(['en', 'zh'] as const)('tells a request to the letter (%s)', (language) => {
    expect(narrated(true, run, language)).toEqual([
      `${STAMP} [REQUEST] New inference request received`,
      `${STAMP} [DEBUG] Request ID: 01a2035a-067f-75fb-b5c5-384770b8a7f9`,
      `${STAMP} [DEBUG] Username: admin`,
      `${STAMP} [INFO] Queue size: 1`,
      `${STAMP} [INFO] Starting inference for request 70b8a7f9...`,
      `${STAMP} [✓] Inference completed for request 70b8a7f9 in 2.3s`,
      `${STAMP} [RESULT] Result sent for request 70b8a7f9`,
    ])
  })

  test('leaves the details out unless asked for them', () => {
    expect(narrated(false, run).filter((line) => line.includes('[DEBUG]'))).toEqual([])
  })

  test('names the address when no hub is there, in the language of the terminal', () => {
    const error = new HubUnreachable('http://localhost:5001', 'refused')
    const event: ServeEvent = { type: 'retrying', error, retryInMs: 1_500 }
    expect(narrated(true, [event])).toEqual([
      `${STAMP} [✗] Cannot reach the hub at http://localhost:5001: nothing accepts connections there. Trying again in 1.5 s`,
    ])
    expect(narrated(true, [event], 'zh')).toEqual([`${STAMP} [✗] 无法连接 hub（http://localhost:5001）：该地址拒绝连接。1.5 秒后重试`])
  })

  test('local time, two digits each', () => {
    expect(formatTime(new Date(2026, 8, 3, 4, 5, 6))).toBe('2026-09-03 04:05:06')
  })
})

describe('a refused registration', () => {
  const ambiguous = new HubRefusal('space_ambiguous', 'Multiple spaces with name "TestSpace_DUP" found. Please use unique space names.')

  test.each(['en', 'zh'] as const)('duplicates: two lines, the second indented (%s)', (language) => {
    expect(registrationRefusal(terminal(language), { name: 'TestSpace_DUP', tokenMeant: true }, ambiguous).slice(0, 2)).toEqual([
      '✗ Registration failed: Multiple spaces with name "TestSpace_DUP" found. ',
      '  Please use unique space names.',
    ])
  })

  test.each(['en', 'zh'] as const)('a wrong name (%s)', (language) => {
    const error = new HubRefusal('space_not_found', 'Space "X" not found or is not a WebSocket space')
    expect(registrationRefusal(terminal(language), { name: 'X', tokenMeant: true }, error)[0]).toBe(
      '✗ Registration failed: Space "X" not found or is not a WebSocket space',
    )
  })

  test('a wrong token: the reason, and what to do', () => {
    const error = new HubRefusal('token_invalid', 'The connect token is wrong or was revoked')
    const [reason, hint] = registrationRefusal(terminal('en'), { name: 'Echo', tokenMeant: true }, error)
    expect(reason).toBe('✗ Registration failed: The connect token is wrong or was revoked')
    expect(hint).toMatch(/--token/)
    expect(registrationRefusal(terminal('zh'), { name: 'Echo', tokenMeant: true }, error)[0]).toBe(
      '✗ Registration failed: 连接令牌错误或已被吊销',
    )
  })

  test("another space's token: none is stored for this one", () => {
    const error = new HubRefusal('token_mismatch', 'The connect token is not valid for space "Echo"')
    const hint = registrationRefusal(terminal('en'), { name: 'bob/Echo', tokenMeant: false }, error)[1]
    expect(hint).toMatch(/^ {2}No token for this space is stored here\..*token create bob\/Echo --save$/)
  })
})

function context(signal = new AbortController().signal) {
  const said = { progress: [] as number[], output: '' }
  const given: RunContext = {
    signal,
    progress: (fraction) => void said.progress.push(fraction),
    output: (text) => (said.output += text),
    log: () => undefined,
  }
  return { given, said }
}

describe('the pretended inference', () => {
  test('answers in the language of the prompt, streams the answer, and measures itself', async () => {
    const { given, said } = context()
    const percents: number[] = []
    const result = await mockInference(request, given, { durationSeconds: 0.04, onProgress: (percent) => percents.push(percent) })
    expect(percents).toEqual([25, 50, 75])
    expect(said.progress).toEqual([0.25, 0.5, 0.75])
    expect(said.output).toBe(result['text_output'])
    expect(result).toMatchObject({
      confidence: 0.95,
      model_used: 'mock-model-v1',
      tokens_used: countTokens(request.prompt) + countTokens(answerTo(request.prompt)),
    })
    expect(typeof result['processing_time_seconds']).toBe('number')
    expect(result['text_output']).toContain('写一首关于Python的诗')
    expect(answerTo('Write a haiku')).toMatch(/You asked: "Write a haiku"/)
  })

  test('stops when canceled', async () => {
    const controller = new AbortController()
    const run = mockInference(request, context(controller.signal).given, { durationSeconds: 30, onProgress: () => undefined })
    controller.abort()
    await expect(run).rejects.toThrow()
  })

  test('cuts a text into pieces that are the text again', () => {
    expect(inPieces('你好👩‍👩‍👧世界!', 4).join('')).toBe('你好👩‍👩‍👧世界!')
    expect(inPieces('', 4)).toEqual(['', '', '', ''])
  })

  test('counts a word or a Chinese character as a token', () => {
    expect(countTokens('写诗 Python 3.')).toBe(5)
  })
})
