import { join } from 'node:path'
import { type Child, startChild } from '../harness/child.ts'
import type { OwnedSpace } from '../harness/people.ts'
import type { AppNotes } from './app-notes.ts'

const MAIN = join(import.meta.dirname, 'app.ts')

export interface AppOptions {
  readonly host: string
  readonly owned: OwnedSpace
  readonly instance: string
  readonly terms: readonly string[]
  readonly notes: AppNotes
  /** Told every line it prints. */
  readonly onLine: (line: string) => void
}

/** An app whose process is killed and started again. */
export class AppProcess implements AsyncDisposable {
  readonly #options: AppOptions
  #child: Child | undefined

  constructor(options: AppOptions) {
    this.#options = options
  }

  /** It registers in its own time. */
  async start(): Promise<void> {
    const { host, owned, instance, terms, notes, onLine } = this.#options
    const args = [MAIN, '--host', host, '--space', owned.reference, '--instance', instance, ...terms]
    this.#child = startChild(process.execPath, args, {
      env: { WSS_TOKEN: owned.token },
      onLine(line) {
        onLine(line)
        notes.take(instance, line)
      },
    })
  }

  async kill(): Promise<void> {
    await this.#child?.[Symbol.asyncDispose]()
    this.#options.notes.killed(this.#options.instance)
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
