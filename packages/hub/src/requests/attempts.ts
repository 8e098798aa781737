import { type AttemptView, isoTime, type RequestEvent } from '@websocket-spaces/protocol'
import type { RequestStore, StoredRequest } from './ports.ts'

type Ending = AttemptView['ending']

/** Every start of a request, and how it ended. Read from its log only where the request itself does not tell. */
export async function attemptsOf(store: Pick<RequestStore, 'milestones'>, request: StoredRequest): Promise<AttemptView[]> {
  const { attempt, startedAt, finishedAt, instance, phase } = request
  if (attempt === 0) return []
  if (attempt > 1 || startedAt === null) return fromLog(await store.milestones(request.id))
  const status = phase.at === 'finished' ? phase.status : null
  const ending = request.error?.code === 'app_lost' ? 'app_lost' : status
  return [{ attempt, instance, started_at: isoTime(startedAt), ended_at: finishedAt === null ? null : isoTime(finishedAt), ending }]
}

function fromLog(events: readonly RequestEvent[]): AttemptView[] {
  const attempts: AttemptView[] = []
  const end = (ended_at: string, ending: Ending): void => {
    const last = attempts.at(-1)
    if (last?.ending === null) attempts[attempts.length - 1] = { ...last, ended_at, ending }
  }
  for (const event of events) {
    if (event.type === 'result') end(event.at, endingOf(event))
    if (event.type !== 'status') continue
    if (event.status === 'processing')
      attempts.push({ attempt: event.attempt, instance: event.instance ?? null, started_at: event.at, ended_at: null, ending: null })
    else if (event.reason !== undefined) end(event.at, event.reason)
  }
  return attempts
}

function endingOf({ outcome }: Extract<RequestEvent, { type: 'result' }>): Ending {
  return outcome.status === 'failed' && outcome.error.code === 'app_lost' ? 'app_lost' : outcome.status
}
