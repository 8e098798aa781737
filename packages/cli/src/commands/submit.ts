import type { SpacesClient } from '@websocket-spaces/client'
import { LIMITS, PRIORITIES, type Priority, type RequestView } from '@websocket-spaces/protocol'
import { type Command, Option } from 'commander'
import type { Cli } from '../cli.ts'
import { CommandFailure, Exit } from '../command-failure.ts'
import { tellFailure } from '../failures.ts'
import { asUser } from '../hub-access.ts'
import { hostOption, hubOrigin } from '../options.ts'
import { onStopSignal } from '../stop-signal.ts'
import { createFollower, type Follower } from '../submit/follower.ts'

interface SubmitFlags {
  readonly host: string
  readonly json?: boolean
  readonly ndjson?: boolean
  readonly wait: boolean
  readonly idempotencyKey?: string
  readonly priority?: Priority
}

export function addSubmit(program: Command, cli: Cli): void {
  program
    .command('submit <space> [prompt...]')
    .description(cli.t('submit.description'))
    .addOption(hostOption(cli))
    .option('--json', cli.t('submit.option.json'))
    .option('--ndjson', cli.t('submit.option.ndjson'))
    .option('--no-wait', cli.t('submit.option.no_wait'))
    .option('--idempotency-key <key>', cli.t('submit.option.idempotency_key'))
    .addOption(new Option('--priority <priority>', cli.t('submit.option.priority')).choices(PRIORITIES))
    .addHelpText('after', `\n${cli.t('submit.examples')}`)
    .action((space: string, words: string[], flags: SubmitFlags) => submit(cli, space, words, flags))
}

async function submit(cli: Cli, space: string, words: readonly string[], flags: SubmitFlags): Promise<void> {
  await asUser(cli, hubOrigin(flags.host), async (client) => {
    const prompt = words.length === 0 || words.join(' ') === '-' ? await promptFromStdin() : words.join(' ')
    if (prompt.trim() === '') throw new CommandFailure('submit.empty_prompt')
    await send(cli, client, space, prompt, flags)
  })
}

async function send(cli: Cli, client: SpacesClient, space: string, prompt: string, flags: SubmitFlags): Promise<void> {
  const found = await client.findSpace(space)
  const follower = createFollower(cli, flags)
  // From here on, also while the hub is still accepting it: nobody's Ctrl+C leaves a request behind.
  const interrupt = watchInterrupt(() => follower.note(cli.t('submit.canceling')))
  try {
    const request = await client.submit(
      `${found.owner}/${found.name}`,
      { prompt },
      { idempotencyKey: flags.idempotencyKey, priority: flags.priority, onRetry: once(() => follower.note(cli.t('submit.sending_again'))) },
    )
    if (!flags.wait && !interrupt.signal.aborted) return cli.out(flags.json === true ? JSON.stringify(request) : request.id)
    await followToEnd(cli, client, request, follower, interrupt.signal)
    const finished = await client.getRequest(request.id)
    follower.finish(finished)
    if (finished.status !== 'completed') throw new Exit(1)
  } finally {
    interrupt.stop()
  }
}

/** An interrupt cancels the request and waits for the hub to say so. */
async function followToEnd(
  cli: Cli,
  client: SpacesClient,
  request: RequestView,
  follower: Follower,
  interrupt: AbortSignal,
): Promise<void> {
  const cancel = () => {
    client.cancel(request.id).catch((error: unknown) => follower.note(tellFailure(cli, error)))
  }
  if (interrupt.aborted) cancel()
  else interrupt.addEventListener('abort', cancel, { once: true })
  follower.start(request)
  try {
    for await (const item of client.follow(request.id)) follower.show(item)
  } finally {
    follower.stop()
  }
}

function once(act: () => void): () => void {
  let done = false
  return () => {
    if (!done) act()
    done = true
  }
}

/** The first Ctrl+C aborts the signal, the second one ends the process. */
function watchInterrupt(onFirst: () => void): { readonly signal: AbortSignal; readonly stop: () => void } {
  const controller = new AbortController()
  const onInterrupt = () => {
    onFirst()
    controller.abort()
  }
  return { signal: controller.signal, stop: onStopSignal(onInterrupt, ['SIGINT']) }
}

async function promptFromStdin(): Promise<string> {
  if (process.stdin.isTTY) throw new CommandFailure('submit.empty_prompt')
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > LIMITS.promptChars) throw new CommandFailure('submit.prompt_too_long', { limit: LIMITS.promptChars })
  }
  return text
}
