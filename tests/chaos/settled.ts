import { setTimeout as sleep } from 'node:timers/promises'
import type { SpacesClient } from '@websocket-spaces/client'
import { SpacesError } from '@websocket-spaces/protocol'
import { hasEnded, type Ledger } from './ledger.ts'
import type { Stage } from './stage.ts'

const LOOK_EVERY = 100

/** Waits for requests that nobody followed to their end, and for apps to be done with all of them. Returns early when given up. */
export async function settled(stage: Stage, ledger: Ledger, giveUp: AbortSignal): Promise<void> {
  const clients = new Map(stage.users.map(({ name, client }) => [name, client]))
  const seen = new Set(ledger.transcripts.filter(hasEnded).map(({ id }) => id))
  for (const { ids, user } of ledger.wishes) {
    for (const id of ids) while (!seen.has(id) && !giveUp.aborted && !(await isOver(clients.get(user), id))) await sleep(LOOK_EVERY)
  }
  while (!giveUp.aborted && stage.notes.open().length > 0) await sleep(LOOK_EVERY)
}

/** Also when it is not there any more: then nothing is to be waited for. */
async function isOver(client: SpacesClient | undefined, id: string): Promise<boolean> {
  try {
    return (await client?.getRequest(id))?.finished_at !== null
  } catch (error) {
    return error instanceof SpacesError && !error.retryable
  }
}
