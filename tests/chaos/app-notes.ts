/** What the apps themselves say about their work, whatever became of it at the hub. */
export class AppNotes {
  /** How often each request was begun. */
  readonly runs = new Map<string, number>()
  /** Requests whose handler an app stopped because it was told to, with the reasons it was told. */
  readonly stopped = new Map<string, string[]>()
  /** Requests worked on from the first piece to the last. */
  readonly whole = new Set<string>()
  /** How often a hub welcomed an app. */
  registrations = 0
  /** What each app is at, by its name. */
  readonly #open = new Map<string, Set<string>>()

  take(app: string, line: string): void {
    const [word, id = '', how = ''] = line.split(' ')
    if (word === 'registered') this.registrations += 1
    else if (word === 'run') {
      this.runs.set(id, (this.runs.get(id) ?? 0) + 1)
      this.#openOf(app).add(id)
    } else if (word === 'over') {
      this.#openOf(app).delete(id)
      if (how === 'whole') this.whole.add(id)
      else this.stopped.set(id, [...(this.stopped.get(id) ?? []), how])
    }
  }

  /** Its process is gone, and what it was at with it. */
  killed(app: string): void {
    this.#open.delete(app)
  }

  /** Requests that some app works on at this moment. */
  open(): string[] {
    return [...this.#open.values()].flatMap((ids) => [...ids])
  }

  #openOf(app: string): Set<string> {
    const known = this.#open.get(app)
    if (known !== undefined) return known
    const made = new Set<string>()
    this.#open.set(app, made)
    return made
  }
}
