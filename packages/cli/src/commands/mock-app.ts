import { HubUnreachable, serveSpace, type ServedSpace, type ServeFailure } from '@websocket-spaces/client'
import { LIMITS, SpacesError } from '@websocket-spaces/protocol'
import type { Command } from 'commander'
import { hostname } from 'node:os'
import type { Cli } from '../cli.ts'
import { CommandFailure, Exit } from '../command-failure.ts'
import { mockInference } from '../mock/mock-inference.ts'
import { createNarrator, sayFailure } from '../mock/narrate.ts'
import { type AskedSpace, registrationRefusal } from '../mock/registration-refusal.ts'
import { createTranscript, header, type Transcript } from '../mock/transcript.ts'
import { hostOption, hubAddress, parseSeconds } from '../options.ts'
import { type ChosenToken, chooseToken } from '../secrets/choose-token.ts'
import { onStopSignal } from '../stop-signal.ts'
import { VERSION } from '../version.ts'

interface MockFlags {
  readonly host: string
  readonly spaces: string
  readonly token?: string
  readonly instance: string
  readonly duration: number
  readonly retry: boolean
  readonly verbose?: boolean
}

interface Work {
  readonly cli: Cli
  readonly flags: MockFlags
  readonly host: string
  readonly transcript: Transcript
}

export function addMockApp(program: Command, cli: Cli): void {
  program
    .command('mock-app')
    .description(cli.t('mock.description'))
    .addOption(hostOption(cli))
    .requiredOption('--spaces <names>', cli.t('mock.option.spaces'))
    .option('--token <token>', cli.t('mock.option.token'))
    .option('--instance <name>', cli.t('mock.option.instance'), hostname().slice(0, 64))
    .option('--duration <seconds>', cli.t('mock.option.duration'), parseSeconds, 2.3)
    .option('--no-retry', cli.t('mock.option.no_retry'))
    .option('-v, --verbose', cli.t('mock.option.verbose'))
    .addHelpText('after', `\n${cli.t('mock.examples')}`)
    .action((flags: MockFlags) => mockApp(cli, flags))
}

async function mockApp(cli: Cli, flags: MockFlags): Promise<void> {
  const names = flags.spaces
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (names.length === 0) throw new CommandFailure('mock.no_space')
  const { origin, token } = hubAddress(flags.host)
  const verbose = flags.verbose === true
  const transcript = createTranscript(cli, verbose)
  for (const line of header(origin, names, verbose)) cli.out(line)
  const stored = await cli.secrets.tokensFor(origin)
  const given = [flags.token, cli.env['WSS_TOKEN'], token].find((one) => one !== undefined && one !== '')
  const work: Work = { cli, flags, host: origin, transcript }
  const served = [...new Set(names)].map((space) =>
    serveMock(work, space, given === undefined ? chooseToken(stored, space) : { token: given, meant: true }),
  )
  const failed = await untilOver(work, served)
  if (failed) throw new Exit(1)
}

function serveMock({ cli, flags, host, transcript }: Work, space: string, chosen: ChosenToken | undefined): ServedSpace {
  const narrate = createNarrator(cli, transcript, host)
  return serveSpace({
    host,
    space,
    token: chosen?.token,
    instance: flags.instance,
    concurrency: 1,
    // It keeps its own queue: everything that waits is sent here at once.
    prefetch: LIMITS.maxPrefetch,
    sdk: `mock-app/${VERSION}`,
    retry: flags.retry,
    onRequest: (request, context) =>
      mockInference(request, context, {
        durationSeconds: flags.duration,
        onProgress: (percent) => transcript.line('DEBUG', `Progress: ${percent}%`),
      }),
    onEvent(event) {
      narrate(event)
      if (event.type === 'ended' && event.error !== null)
        tellEnd(cli, transcript, { name: space, tokenMeant: chosen?.meant !== false }, event.error)
    },
  })
}

function tellEnd(cli: Cli, transcript: Transcript, space: AskedSpace, error: ServeFailure): void {
  if (error instanceof HubUnreachable) return transcript.line('✗', sayFailure(cli, error))
  if (error instanceof SpacesError) for (const line of registrationRefusal(cli, space, error)) cli.out(line)
}

/** Serves until a signal, or until the last space has failed; returns whether any did. */
async function untilOver({ transcript, cli }: Work, served: readonly ServedSpace[]): Promise<boolean> {
  const leave = (drain: boolean) => {
    const count = drain ? served.reduce((sum, one) => sum + one.unfinished, 0) : 0
    transcript.line('INFO', count === 0 ? cli.t('mock.leaving') : cli.t('mock.draining', { count }))
    for (const one of served) void one.close({ drain })
  }
  const stopListening = onStopSignal([() => leave(true), () => leave(false)])
  const ends = await Promise.allSettled(served.map((one) => one.ended))
  stopListening()
  return ends.some((end) => end.status === 'rejected')
}
