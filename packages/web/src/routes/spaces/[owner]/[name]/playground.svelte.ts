/** What the playground shows: the current run, and the user's recent requests on this space. */
import { isFinished, requestId } from '@websocket-spaces/protocol'
import type { RequestView, Space } from '@websocket-spaces/protocol'
import { type Asked, listSpaceRequests } from '#lib/api/requests.ts'
import { MyRequests } from '#lib/live/my-requests.svelte.ts'
import { Resource } from '#lib/resource.svelte.ts'
import { RunStore } from '#lib/run/run-store.svelte.ts'
import { Submission } from '#lib/run/submission.svelte.ts'

const RECENT = 8

export class Playground {
  current = $state.raw<RunStore>()
  readonly submission = new Submission()
  readonly recent: MyRequests
  readonly loading: Resource<void>
  readonly #space: Space

  /** Must be made while a component initialises. */
  constructor(space: Space) {
    this.#space = space
    this.recent = new MyRequests(RECENT, space.id)
    this.loading = new Resource(async () => {
      const { requests } = await listSpaceRequests(space.owner, space.name, RECENT)
      this.recent.merge(requests)
    })
    $effect(() => () => {
      this.submission.stop()
      this.recent.stop()
      this.current?.stop()
    })
  }

  /** Shows the request with this id, from its first event on. */
  open(id: string): void {
    if (this.current?.id === id) return
    this.#show(new RunStore(requestId.parse(id)))
  }

  close(): void {
    this.current?.stop()
    this.current = undefined
  }

  /** Submits; the accepted request becomes the current run. */
  async submit(asked: Asked): Promise<RequestView | undefined> {
    return this.#take(await this.submission.send(this.#space.owner, this.#space.name, asked))
  }

  /** Submits again what got no answer; it stays one request. */
  async tryAgain(): Promise<RequestView | undefined> {
    return this.#take(await this.submission.tryAgain())
  }

  #take(view: RequestView | undefined): RequestView | undefined {
    if (!view) return undefined
    this.#show(new RunStore(view.id, isFinished(view.status) ? undefined : view))
    this.recent.merge([view])
    return view
  }

  #show(store: RunStore): void {
    this.current?.stop()
    this.current = store
  }
}
