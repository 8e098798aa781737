/** A small seeded generator (mulberry32), so that a failing run can be repeated. */
export interface Random {
  /** 0 … 1, 1 excluded. */
  next(): number
  /** A whole number; both ends are possible. */
  int(least: number, most: number): number
  chance(probability: number): boolean
  /** @throws RangeError when there is nothing to pick from. */
  pick<T>(from: readonly T[]): T
  shuffled<T>(list: readonly T[]): T[]
}

export function createRandom(seed: number): Random {
  let state = seed

  function next(): number {
    state = (state + 0x6d_2b_79_f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  function int(least: number, most: number): number {
    return least + Math.floor(next() * (most - least + 1))
  }
  function pick<T>(from: readonly T[]): T {
    const index = int(0, from.length - 1)
    if (index >= from.length || index < 0) throw new RangeError('nothing to pick from')
    return from[index] as T
  }

  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick,
    shuffled<T>(list: readonly T[]) {
      const left = [...list]
      return list.map(() => left.splice(int(0, left.length - 1), 1)[0] as T)
    },
  }
}
