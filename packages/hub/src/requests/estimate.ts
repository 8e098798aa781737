/**
 * When waiting requests will have their results, by playing what is ahead of them many times over: each free slot takes
 * the next in line, and how long it takes is drawn from how long the last ones took. Pure: the same every time, so that
 * a range moves only when something happened.
 */
import type { Eta } from '@websocket-spaces/protocol'
import type { Pace } from './ports.ts'

/** Fewer say too little. */
const FEWEST = 3
const PLAYS = 40
/** The range leaves out the quickest and the slowest tenth of all plays. */
const OUTLIERS = PLAYS / 10

/** Ranges for the first `count` in line, the next one first; none when nobody can know. `slots` run at the same time. */
export function estimate({ durations, startedAt }: Pace, slots: number, now: number, count: number): Eta[] {
  if (durations.length < FEWEST || slots === 0) return []
  const random = randomNumbers()
  const draw = (from: readonly number[]): number => from[Math.floor(random() * from.length)] ?? 0
  const remaining = startedAt.map((at) => left(durations, Math.max(0, now - at)))
  const ends: number[][] = Array.from({ length: count }, () => [])
  for (let play = 0; play < PLAYS; play += 1) {
    // Slots beyond what there is to do would stay free.
    const free = freeAt(remaining.map(draw), Math.min(slots, count + remaining.length))
    for (const times of ends) {
      const end = (free[0] ?? 0) + draw(durations)
      replaceFirst(free, end)
      times.push(end)
    }
  }
  return ends.map(rangeOf)
}

/** What those took longer that had not finished at that age; one older than all of them is anybody's guess. */
function left(durations: readonly number[], age: number): readonly number[] {
  const longer = durations.filter((duration) => duration > age)
  return longer.length > 0 ? longer.map((duration) => duration - age) : durations.map((duration) => duration / 2)
}

/** When each slot is free, as a heap: an ordered list is one. */
function freeAt(running: readonly number[], slots: number): number[] {
  const idle = Array.from({ length: Math.max(0, slots - running.length) }, () => 0)
  return [...idle, ...running.toSorted((a, b) => a - b)].slice(0, slots)
}

/** Puts another number in place of the least. */
function replaceFirst(heap: number[], value: number): void {
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    const child = (heap[left + 1] ?? Infinity) < (heap[left] ?? Infinity) ? left + 1 : left
    const least = heap[child]
    if (least === undefined || least >= value) break
    heap[at] = least
    at = child
  }
  heap[at] = value
}

function rangeOf(times: readonly number[]): Eta {
  const sorted = times.toSorted((a, b) => a - b)
  const low = sorted[OUTLIERS] ?? 0
  const high = sorted[PLAYS - 1 - OUTLIERS] ?? low
  return { low_seconds: Math.floor(low / 1000), high_seconds: Math.ceil(high / 1000) }
}

/** Mulberry32: from 0 to 1, evenly, the same numbers each time. */
function randomNumbers(): () => number {
  let state = 0x9e3779b9
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
