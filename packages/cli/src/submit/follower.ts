import { type FollowItem, type PositionUpdate, type Remaining, remainingOf, type RequestView } from '@websocket-spaces/protocol'
import cliProgress from 'cli-progress'
import type { Cli } from '../cli.ts'
import { secondsText } from '../seconds.ts'

/** Shows one request's way on the terminal: output to stdout, everything about it to stderr. */
export interface Follower {
  readonly start: (request: RequestView) => void
  readonly show: (item: FollowItem) => void
  readonly note: (text: string) => void
  /** Takes the progress bar away. */
  readonly stop: () => void
  readonly finish: (request: RequestView) => void
}

export interface FollowerOptions {
  readonly json?: boolean
  readonly ndjson?: boolean
}

export function createFollower(cli: Cli, options: FollowerOptions): Follower {
  if (options.ndjson === true)
    return jsonFollower(
      cli,
      (item) => cli.out(JSON.stringify(item)),
      () => undefined,
    )
  if (options.json === true)
    return jsonFollower(
      cli,
      () => undefined,
      (request) => cli.out(JSON.stringify(request)),
    )
  return terminalFollower(cli)
}

function jsonFollower(cli: Cli, show: Follower['show'], finish: Follower['finish']): Follower {
  return { start: () => undefined, show, note: cli.err, stop: () => undefined, finish }
}

const COUNT_EVERY_MS = 1_000
const BAR = '{bar} {percentage}%  {status}'

function terminalFollower(cli: Cli): Follower {
  const { t } = cli
  const bar = new cliProgress.SingleBar(
    { format: BAR, hideCursor: true, clearOnComplete: true, stream: process.stderr, noTTYOutput: false },
    cliProgress.Presets.shades_classic,
  )
  let streamed = ''
  let attempt = 1
  let barShown = false
  let counting: NodeJS.Timeout | undefined

  function status(text: string, fraction?: number): void {
    if (!process.stderr.isTTY || streamed !== '') return
    if (!barShown) bar.start(100, 0, { status: text })
    barShown = true
    bar.update(Math.round((fraction ?? bar.getProgress()) * 100), { status: text })
  }

  function stop(): void {
    clearInterval(counting)
    if (barShown) bar.stop()
    barShown = false
  }

  /** Counts the estimate down until the hub says more. */
  function wait(update: PositionUpdate): void {
    const heardAt = performance.now()
    const show = () => status(waitingText(cli, update, (performance.now() - heardAt) / 1_000))
    show()
    if (barShown && update.eta) counting = setInterval(show, COUNT_EVERY_MS).unref()
  }

  function output(text: string): void {
    stop()
    streamed += text
    process.stdout.write(text)
  }

  function restart(): void {
    process.stdout.write(streamed.endsWith('\n') ? '' : '\n')
    cli.err(cli.colors.yellow(t('submit.again')))
    streamed = ''
  }

  return {
    start: (request) => cli.err(cli.colors.dim(t('submit.accepted', { id: request.id, space: request.space }))),
    show(item) {
      clearInterval(counting)
      switch (item.type) {
        case 'position':
          return wait(item)
        case 'status':
          if (item.attempt > attempt && streamed !== '') restart()
          attempt = item.attempt
          return status(statusText(cli, item))
        case 'progress':
          return status(item.message ?? t('submit.processing', { instance: '' }), item.progress)
        case 'output':
          return output(item.text)
        case 'log':
          stop()
          return cli.err(cli.colors.dim(`[${item.level}] ${item.line}`))
        case 'result':
          return stop()
      }
    },
    note(text) {
      stop()
      cli.err(text)
    },
    stop,
    finish: (request) => finish(cli, request, streamed),
  }
}

function statusText({ t }: Cli, { status, instance }: Extract<FollowItem, { type: 'status' }>): string {
  switch (status) {
    case 'queued':
      return t('submit.queued')
    case 'processing':
      return t('submit.processing', { instance: instance ?? '' })
    case 'canceling':
      return t('submit.stopping')
  }
}

/** @param passed seconds since the hub said so */
function waitingText(cli: Cli, { position, queue_length: total, eta }: PositionUpdate, passed: number): string {
  const text = cli.t('submit.position', { position, total })
  return eta ? `${text} · ${etaText(cli, remainingOf(eta, passed))}` : text
}

function etaText({ t }: Cli, left: Remaining | null): string {
  if (left === null) return t('submit.eta_any_moment')
  const { unit, low, high } = left
  if (low === 0) return t(`submit.eta_within_${unit}`, { high })
  return t(`submit.eta_${unit}`, { range: low === high ? `${high}` : `${low}–${high}` })
}

function finish(cli: Cli, request: RequestView, streamed: string): void {
  const { colors, t } = cli
  if (streamed !== '' && !streamed.endsWith('\n')) process.stdout.write('\n')
  if (request.status === 'canceled') return cli.err(`${colors.yellow('✗')} ${t('submit.canceled', { id: request.id })}`)
  if (request.status !== 'completed') {
    return cli.err(`${colors.red('✗')} ${t('submit.failed', { problem: request.error?.message ?? request.status, id: request.id })}`)
  }
  const { text_output: text, ...figures } = request.result ?? {}
  if (typeof text === 'string' && text !== streamed) cli.out(text)
  if (text === undefined && streamed === '') cli.out(JSON.stringify(request.result, null, 2))
  cli.err(`${colors.green('✓')} ${summary(cli, request, figures)}`)
}

/** `Done in 2.3 s · mock-model-v1 · confidence 0.95 · 68 tokens · on gpu-box`: what the app said of itself. */
function summary({ t }: Cli, request: RequestView, figures: Readonly<Record<string, unknown>>): string {
  const measured = figures['processing_time_seconds']
  const seconds =
    typeof measured === 'number' ? measured : (Date.parse(request.finished_at ?? '') - Date.parse(request.started_at ?? '')) / 1000
  const parts = [Number.isFinite(seconds) ? t('submit.done_in', { seconds: secondsText(seconds) }) : t('submit.done')]
  if (typeof figures['model_used'] === 'string') parts.push(figures['model_used'])
  if (typeof figures['confidence'] === 'number') parts.push(t('submit.confidence', { value: figures['confidence'] }))
  if (typeof figures['tokens_used'] === 'number') parts.push(t('submit.tokens', { count: figures['tokens_used'] }))
  if (request.instance !== null) parts.push(t('submit.on', { instance: request.instance }))
  return parts.join(' · ')
}
