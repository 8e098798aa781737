const names = new Map<string, string>()

/** From now on PostgreSQL parses and plans this text once on each connection, not each time it runs. */
export function keepPrepared(text: string): void {
  if (!names.has(text)) names.set(text, `s${names.size}`)
}

/** What prepared statements are called on the connections of one pool. */
export class Prepared {
  #generation = 0

  /** Undefined for a text that is parsed each time. */
  nameOf(text: string): string | undefined {
    const name = names.get(text)
    return name === undefined ? undefined : `${name}.${this.#generation}`
  }

  /** Has all connections prepare anew what somebody found outdated under this name. */
  renew(name: string): void {
    if (name.endsWith(`.${this.#generation}`)) this.#generation += 1
  }
}
