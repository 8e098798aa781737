import { setTimeout as sleep } from 'node:timers/promises'

/** Asks until the answer is right. The bound (milliseconds) is for hanging tests, not an expectation. */
export async function eventually<T>(ask: () => Promise<T> | T, isRight: (answer: T) => boolean, within = 30_000): Promise<T> {
  const giveUpAt = performance.now() + within
  for (;;) {
    const answer = await ask()
    if (isRight(answer)) return answer
    if (performance.now() > giveUpAt) throw new Error(`still ${JSON.stringify(answer)} after ${within} ms`)
    await sleep(10)
  }
}
