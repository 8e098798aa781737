import type { Database } from './databases.ts'

export interface PartOptions {
  readonly database: Database
  /** Small and short: shows that it works, says nothing about speed. */
  readonly quick: boolean
  /** How many idle apps, instead of the usual number. */
  readonly apps: number | undefined
  readonly log: (line: string) => void
  /** Folder for CPU profiles of the hub. */
  readonly profile: string | undefined
}

/** Measures something; resolves with what RESULTS.md says about it, in Markdown. */
export type Part = (options: PartOptions) => Promise<string>
