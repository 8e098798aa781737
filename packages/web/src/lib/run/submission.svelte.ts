/** One press of the button: sent until the hub answers, under one key, so that it is one request however often it is sent. */
import type { RequestView } from '@websocket-spaces/protocol'
import { HubUnreachable, hasCode } from '#lib/api/errors.ts'
import { type Asked, submitRequest } from '#lib/api/requests.ts'

/** Milliseconds before each further attempt; a hub that restarts is back within them. */
const PAUSES_MS: readonly number[] = [500, 1_000, 2_000, 4_000, 4_000, 4_000, 4_000]

type SubmissionState =
  | { kind: 'idle' }
  /** `again`: an answer was lost, and it is sent once more. */
  | { kind: 'sending'; again: boolean }
  /** `unanswered`: the hub may or may not have the request; the next attempt finds out. */
  | { kind: 'failed'; error: unknown; unanswered: boolean }

interface Pending extends Asked {
  readonly owner: string
  readonly name: string
  readonly key: string
}

export class Submission {
  state = $state.raw<SubmissionState>({ kind: 'idle' })
  #pending: Pending | undefined
  #stopped = false

  get sending(): boolean {
    return this.state.kind === 'sending'
  }

  /** What is under way is not sent again, and its answer goes nowhere: the page has been left. */
  stop(): void {
    this.#stopped = true
  }

  /**
   * The accepted request; undefined when it failed, as `state` tells, or while another is being sent.
   * Until the hub has accepted what was asked, sending it again is sending the same request.
   */
  async send(owner: string, name: string, { prompt, priority }: Asked): Promise<RequestView | undefined> {
    const kept = this.#pending
    const sameSpace = kept?.owner === owner && kept.name === name
    const same = sameSpace && kept.prompt === prompt && kept.priority === priority
    return this.#send(same ? kept : { owner, name, prompt, priority, key: newKey() })
  }

  /** Sends what got no answer again, under its key. */
  async tryAgain(): Promise<RequestView | undefined> {
    return this.#pending && this.#send(this.#pending)
  }

  async #send(pending: Pending): Promise<RequestView | undefined> {
    if (this.sending) return undefined
    this.#pending = pending
    this.state = { kind: 'sending', again: false }
    try {
      const view = await this.#untilAnswered(pending)
      this.#pending = undefined
      this.state = { kind: 'idle' }
      return this.#stopped ? undefined : view
    } catch (error) {
      this.state = { kind: 'failed', error, unanswered: isPassing(error) }
      return undefined
    }
  }

  async #untilAnswered({ owner, name, key, ...asked }: Pending): Promise<RequestView> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await submitRequest(owner, name, asked, key)
      } catch (error) {
        const pause = PAUSES_MS[attempt]
        // A hub that is back from a restart is there before its apps are.
        const passing = isPassing(error) || (attempt > 0 && hasCode(error, 'app_not_connected'))
        if (!passing || pause === undefined || this.#stopped) throw error
        this.state = { kind: 'sending', again: true }
        await new Promise((resolve) => setTimeout(resolve, pause))
        if (this.#stopped) throw error
      }
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof HubUnreachable || hasCode(error, 'shutting_down')
}

/** `crypto.randomUUID` exists only where the page came over https or from this machine. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
