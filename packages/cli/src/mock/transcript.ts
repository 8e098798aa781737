import type { Cli } from '../cli.ts'

/** What a line is about; shown in brackets. */
export type Tag = 'INFO' | 'DEBUG' | 'REQUEST' | 'RESULT' | 'WARN' | '✓' | '✗'

/** The mock app's log on the terminal. DEBUG lines appear with `--verbose` only. */
export interface Transcript {
  readonly line: (tag: Tag, text: string) => void
}

export function createTranscript(cli: Cli, verbose: boolean, now: () => Date = () => new Date()): Transcript {
  const paint: Record<Tag, (text: string) => string> = {
    INFO: cli.colors.cyan,
    DEBUG: cli.colors.dim,
    REQUEST: cli.colors.magenta,
    RESULT: cli.colors.green,
    WARN: cli.colors.yellow,
    '✓': cli.colors.green,
    '✗': cli.colors.red,
  }
  return {
    line(tag, text) {
      if (tag === 'DEBUG' && !verbose) return
      cli.out(`[${formatTime(now())}] ${paint[tag](`[${tag}]`)} ${text}`)
    },
  }
}

/** Local time as `YYYY-MM-DD HH:MM:SS`. */
export function formatTime(time: Date): string {
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-')
  return `${day} ${[two(time.getHours()), two(time.getMinutes()), two(time.getSeconds())].join(':')}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

const RULE = '='.repeat(70)

/** The banner the app starts with. */
export function header(host: string, spaces: readonly string[], verbose: boolean): string[] {
  return [
    RULE,
    '  Mock WebSocket Inference App',
    RULE,
    `  Host: ${host}`,
    `  Space: ${spaces.join(', ')}`,
    `  Verbose: ${verbose ? 'True' : 'False'}`,
    RULE,
    '',
  ]
}

/** `2.3s` */
export function formatSeconds(seconds: number): string {
  return `${seconds.toFixed(1)}s`
}
