import type { ServeEvent, ServeFailure } from '@websocket-spaces/client'
import { shortId, SpacesError } from '@websocket-spaces/protocol'
import type { Cli } from '../cli.ts'
import { secondsText } from '../seconds.ts'
import { formatSeconds, type Transcript } from './transcript.ts'

/** Tells on the terminal what happens to one served space. */
export function createNarrator(cli: Cli, transcript: Transcript, address: string): (event: ServeEvent) => void {
  const { line } = transcript
  const { t } = cli
  let registrations = 0

  function registered(connectionId: string): void {
    registrations += 1
    line('✓', 'Registration successful!')
    line('INFO', `Connection ID: ${connectionId}`)
    if (registrations === 1) line('INFO', 'Request processor started')
  }

  return (event) => {
    switch (event.type) {
      case 'connecting':
        return line('INFO', `Initializing connection to ${address}`)
      case 'connected':
        return line('✓', 'Socket.IO connection established')
      case 'registering':
        return line('INFO', `Sent registration for space: ${event.space}`)
      case 'registered':
        return registered(event.connectionId)
      case 'goodbye':
        return line('WARN', t('mock.goodbye', { message: sayFailure(cli, new SpacesError(event.goodbye.code)) }))
      case 'disconnected':
        // Our own leaving is told already.
        return event.reason === 'io client disconnect' ? undefined : line('WARN', t('mock.disconnected', { reason: event.reason }))
      case 'retrying':
        return line('✗', t('mock.retrying', { problem: sayFailure(cli, event.error), seconds: secondsText(event.retryInMs / 1000) }))
      default:
        return aboutRequests(cli, transcript, event)
    }
  }
}

function aboutRequests(cli: Cli, { line }: Transcript, event: ServeEvent): void {
  const { t } = cli
  switch (event.type) {
    case 'request':
      line('REQUEST', 'New inference request received')
      line('DEBUG', `Request ID: ${event.request.id}`)
      line('DEBUG', `Username: ${event.request.username}`)
      return line('INFO', `Queue size: ${event.held}`)
    case 'started':
      return line('INFO', `Starting inference for request ${shortId(event.request.id)}...`)
    case 'completed':
      return line('✓', `Inference completed for request ${shortId(event.requestId)} in ${formatSeconds(event.seconds)}`)
    case 'failed':
      return line('✗', t('mock.failed', { id: shortId(event.requestId), problem: event.error }))
    case 'result_sent':
      return line('RESULT', `Result sent for request ${shortId(event.requestId)}`)
    case 'result_kept':
      return line('WARN', t('mock.result_kept', { id: shortId(event.requestId) }))
    case 'result_dropped':
      return line('✗', t('mock.result_dropped', { id: shortId(event.requestId) }))
    case 'resumed':
      return line('INFO', t('mock.resumed', { id: shortId(event.requestId) }))
    case 'request_kept':
      return line('INFO', t('mock.request_kept', { id: shortId(event.requestId) }))
    case 'stopped':
      return line('WARN', t(`mock.stopped.${event.reason}`, { id: shortId(event.requestId) }))
    case 'report_refused':
      return line(
        'WARN',
        t('mock.report_refused', { event: event.refusal.event, reason: new SpacesError(event.refusal.code).say(cli.language) }),
      )
    case 'ignored':
      return line('DEBUG', t('mock.ignored', { event: event.event }))
    default:
      return
  }
}

/** A failure in the user's language. */
export function sayFailure(cli: Cli, failure: ServeFailure | null): string {
  return failure === null ? '' : failure.say(cli.language)
}
