import { hash } from 'node:crypto'
import { canonical, type Value } from './values.ts'

const MODULUS = 1n << 256n

/** The rows of a table in any order: how many, and the sum of their SHA-256 hashes. A row that is there twice counts twice. */
export class Checksum {
  #rows = 0
  #sum = 0n

  get rows(): number {
    return this.#rows
  }

  /** 64 hexadecimal digits. */
  get digest(): string {
    return this.#sum.toString(16).padStart(64, '0')
  }

  /** Values in the order of the table's columns. */
  add(row: readonly Value[]): void {
    this.#rows += 1
    this.#sum = (this.#sum + BigInt(`0x${hash('sha256', row.map(framed).join(''), 'hex')}`)) % MODULUS
  }
}

/** With its length before it, so that no two rows read the same. */
function framed(value: Value): string {
  if (value === null) return 'n'
  const text = canonical(value)
  return `${text.length}:${text}`
}
