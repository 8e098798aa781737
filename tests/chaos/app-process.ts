import { join } from 'node:path'
import { type Child, startChild } from '../harness/child.ts'
import type { OwnedSpace } from '../harness/people.ts'

const MAIN = join(import.meta.dirname, 'app.ts')

export interface AppOptions {
  readonly host: string
  readonly owned: OwnedSpace
  readonly instance: string
  readonly terms: readonly string[]
  /** Told the id of each request the app begins. */
  readonly onRun: (id: string) => void
}

/** An app whose process is killed and started again. */
export class AppProcess implements AsyncDisposable {
  readonly #options: AppOptions
  #child: Child | undefined

  constructor(options: AppOptions) {
    this.#options = options
  }

  get lines(): readonly string[] {
    return this.#child?.lines.filter((line) => !line.startsWith('run ')) ?? []
  }

  /** It registers in its own time. */
  async start(): Promise<void> {
    const { host, owned, instance, terms, onRun } = this.#options
    const args = [MAIN, '--host', host, '--space', owned.reference, '--instance', instance, ...terms]
    this.#child = startChild(process.execPath, args, {
      env: { WSS_TOKEN: owned.token },
      onLine(line) {
        const [word, id] = line.split(' ')
        if (word === 'run' && id !== undefined) onRun(id)
      },
    })
  }

  async kill(): Promise<void> {
    await this.#child?.[Symbol.asyncDispose]()
  }

  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}
