/** A space's page, as one person has it open. */
export interface SpaceTab {
  /** Resolves when the page, without a reload, shows this status; @throws when it does not in time. */
  readonly shows: (connected: boolean) => Promise<void>
  /** Resolves when the form can (not) be used. */
  readonly formIs: (enabled: boolean) => Promise<void>
  /** Sends the form; returns the request's id as the page shows it. */
  readonly submit: (prompt: string) => Promise<string>
  /** All text of the result, when it is there. */
  readonly result: (requestId: string) => Promise<string>
}

/** A signed-in person who opens tabs. */
export interface Viewer extends AsyncDisposable {
  readonly kind: 'browser' | 'socket'
  /** @param reference `owner/name` */
  readonly open: (reference: string) => Promise<SpaceTab>
}

/** Status changes must show within two seconds; the rest is what a busy machine may add. */
export const SHOWN_WITHIN_MS = 5_000
export const RESULT_WITHIN_MS = 40_000
