/** What a run leaves behind for whoever looks for a cause: all lines of hubs and apps, the diary, and what did not add up. */
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import { join } from 'node:path'

export class Evidence implements AsyncDisposable {
  readonly folder: string
  readonly #logs = new Map<string, WriteStream>()

  /** Makes the folder. */
  constructor(folder: string) {
    this.folder = folder
    mkdirSync(folder, { recursive: true })
  }

  /** Adds a line, with the time, to `hub-0.log`, `app-1.log`, `diary.log`. */
  line(name: string, line: string): void {
    const log = this.#logs.get(name) ?? createWriteStream(join(this.folder, `${name.replaceAll(' ', '-')}.log`))
    this.#logs.set(name, log)
    log.write(`${new Date().toISOString()} ${line}\n`)
  }

  async file(name: string, text: string): Promise<void> {
    await writeFile(join(this.folder, name), text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const log of this.#logs.values()) {
      log.end()
      await finished(log)
    }
  }
}
