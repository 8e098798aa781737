/** People at work: submits with known answers, some sent twice, some canceled, some followed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { HubUnreachable } from '@websocket-spaces/client'
import { isFinished, type RequestView, type Space, SpacesError } from '@websocket-spaces/protocol'
import { createRandom, type Random } from '../harness/random.ts'
import type { Followers } from './followers.ts'
import type { Ledger, Via, Wish } from './ledger.ts'
import type { Stage, User } from './stage.ts'

const LANES = 3
/** Requests of one user that may be open at a time. */
const MOST_OPEN = 40
/** Milliseconds between two looks or tries, at most. */
const PAUSE = 400

export interface Load {
  readonly ledger: Ledger
  readonly stage: Stage
  readonly followers: Followers
}

/**
 * Submits until `ending`, then resolves when every submit has its answer and all follow-ups are done.
 * @param giveUp aborts what is still under way
 */
export async function runLoad(load: Load, seed: number, ending: AbortSignal, giveUp: AbortSignal): Promise<void> {
  const lanes = load.stage.users.flatMap((user, index) =>
    Array.from({ length: LANES }, (_, lane) => new Lane(load, user, createRandom(seed + 1_000 * (index + 1) + lane), giveUp)),
  )
  await Promise.all(lanes.map((lane, index) => lane.run(`${index}`, ending)))
}

class Lane {
  readonly #load: Load
  readonly #user: User
  readonly #random: Random
  readonly #giveUp: AbortSignal
  readonly #pending = new Set<Promise<void>>()
  #failure: unknown

  constructor(load: Load, user: User, random: Random, giveUp: AbortSignal) {
    this.#load = load
    this.#user = user
    this.#random = random
    this.#giveUp = giveUp
  }

  async run(name: string, ending: AbortSignal): Promise<void> {
    for (let count = 1; !ending.aborted && this.#failure === undefined; count += 1) {
      await this.#ask(`${name}.${count}`)
      await sleep(this.#random.int(20, 350), undefined, { signal: this.#giveUp })
      while (this.#pending.size >= MOST_OPEN / LANES && !ending.aborted) await sleep(PAUSE / 4, undefined, { signal: this.#giveUp })
    }
    await Promise.all(this.#pending)
    if (this.#failure !== undefined) throw this.#failure
  }

  async #ask(name: string): Promise<void> {
    const { ledger, stage, followers } = this.#load
    const random = this.#random
    const { space, app } = random.pick(stage.spaces)
    const cancelAfter = random.chance(0.15) ? random.int(0, 400) : null
    const word = cancelAfter !== null && app === 'sdk' && random.chance(0.4) ? 'slow' : random.chance(0.08) ? 'fail' : 'echo'
    const prompt = `${word} ${name} ${random.int(0, 999_999)} 你好`
    const priority = random.chance(0.15) ? 'low' : 'normal'
    const wish = ledger.add({ key: `key ${name}`, prompt, user: this.#user.name, spaceId: space.id, app, priority })
    const waits = random.chance(0.1)
    const twice = random.chance(0.15)
    const again = random.chance(0.1)
    const vias = random.pick<readonly Via[]>([['sse'], ['live'], ['sse'], ['live'], ['sdk'], ['sse', 'live'], []])
    const submits = [this.#submit(wish, space, waits), ...(twice ? [this.#submit(wish, space, false)] : [])]
    const [id] = await Promise.all(submits)
    if (id === undefined) return
    const followed = vias.map((via) => followers.follow(this.#user, id, via))
    for (const one of followed) this.#goOn(one)
    if (cancelAfter !== null) this.#goOn(this.#cancel(wish, id, cancelAfter))
    if (again) this.#goOn(this.#askAgain(wish, space, followed))
  }

  /** H5: also when all is over, the same key is the same request. */
  async #askAgain(wish: Wish, space: Space, followed: readonly Promise<void>[]): Promise<void> {
    await sleep(this.#random.int(200, 4_000), undefined, { signal: this.#giveUp })
    await Promise.all(followed)
    await this.#submit(wish, space, false)
    wish.repeats += 1
  }

  /** Beside the submits that follow. */
  #goOn(work: Promise<void>): void {
    const pending: Promise<void> = work
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .finally(() => this.#pending.delete(pending))
    this.#pending.add(pending)
  }

  /** Until the hub answers, under one key. */
  async #submit(wish: Wish, space: Space, waits: boolean): Promise<string | undefined> {
    const view = await this.#insist(
      () =>
        this.#user.client.submit(
          `${space.owner}/${space.name}`,
          { prompt: wish.prompt },
          { idempotencyKey: wish.key, priority: wish.priority, giveUpAfterMs: 0, ...(waits ? { waitSeconds: 2 } : {}) },
        ),
      () => (wish.retries += 1),
    )
    this.#load.ledger.accepted(wish, view.id)
    if (isFinished(view.status)) wish.answer = view
    return view.id
  }

  async #cancel(wish: Wish, id: string, after: number): Promise<void> {
    await sleep(after, undefined, { signal: this.#giveUp })
    wish.cancel = 'asked'
    let view: RequestView
    try {
      view = await this.#insist(() => this.#user.client.cancel(id))
    } catch (error) {
      if (error instanceof SpacesError && error.code === 'request_finished') return
      throw error
    }
    if (view.status === 'canceling' || view.status === 'canceled') wish.cancel = 'granted'
  }

  /** Tries again whatever may pass. */
  async #insist<T>(call: () => Promise<T>, onLost: () => void = () => undefined): Promise<T> {
    for (;;) {
      try {
        return await call()
      } catch (error) {
        if (error instanceof HubUnreachable) onLost()
        else if (!(error instanceof SpacesError && error.retryable)) throw error
      }
      await sleep(this.#random.int(PAUSE / 4, PAUSE), undefined, { signal: this.#giveUp })
    }
  }
}
