import { describe, expect, test } from 'vitest'
import { KeptLines } from '../src/serve/kept-lines.ts'

function keep(kept: KeptLines, ...lines: string[]): void {
  for (const [at, line] of lines.entries()) kept.keep({ at, level: 'info', line })
}

const said = (kept: KeptLines) => kept.take().map(({ line }) => line)

describe('log lines kept while the hub is away', () => {
  test('are given back once, in order', () => {
    const kept = new KeptLines()
    keep(kept, 'one', 'two')
    expect(said(kept)).toEqual(['one', 'two'])
    expect(kept.take()).toEqual([])
    expect(kept.size).toBe(0)
  })

  test('the oldest make room, and one line tells how many', () => {
    const kept = new KeptLines({ lines: 2, chars: 100 })
    keep(kept, 'one', 'two', 'three')
    expect(said(kept)).toEqual(['1 log line was dropped while the hub was away', 'two', 'three'])
    keep(kept, 'one', 'two', 'three', 'four')
    expect(kept.take()).toEqual([
      { at: 2, level: 'warning', line: '2 log lines were dropped while the hub was away' },
      { at: 2, level: 'info', line: 'three' },
      { at: 3, level: 'info', line: 'four' },
    ])
  })

  test('are bounded by their characters too', () => {
    const kept = new KeptLines({ lines: 100, chars: 10 })
    keep(kept, '12345', '12345', 'x')
    expect(kept.size).toBe(6)
    expect(said(kept)).toEqual(['1 log line was dropped while the hub was away', '12345', 'x'])
  })
})
