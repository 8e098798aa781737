import cliProgress from 'cli-progress'
import type { Cli } from './cli.ts'

interface Progress {
  readonly phase: 'copying' | 'verifying'
  readonly rows: number
  readonly total: number
}

/** Milliseconds that need no explanation. */
const SOON = 1_000

const BAR = '{phase}  {bar} {percentage}%  {value} / {total}'

/** Shows on standard error how far a move is, once it takes long; in a log every two seconds. */
export function createMoveProgress({ t }: Cli): { readonly show: (progress: Progress) => void; readonly stop: () => void } {
  const bar = new cliProgress.SingleBar(
    { format: BAR, hideCursor: true, clearOnComplete: true, stream: process.stderr, noTTYOutput: true, notTTYSchedule: 2_000 },
    cliProgress.Presets.shades_classic,
  )
  const since = performance.now()
  let shown = false
  return {
    show({ phase, rows, total }) {
      if (performance.now() - since < SOON) return
      const told = { phase: t(`migrate.${phase}`) }
      if (!shown) bar.start(total, rows, told)
      shown = true
      bar.update(rows, told)
    },
    stop() {
      if (shown) bar.stop()
    },
  }
}
