import { isoTime } from '@websocket-spaces/protocol'
import { destination, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import type { HubConfig } from './config.ts'

/** Characters; a turn of the event loop that logs more than this writes more than once. */
const MOST_KEPT = 65_536

/** Log lines go to standard error: one JSON object a line, or coloured text on a terminal. Secrets never get this far. */
export function createLog({ logLevel }: Pick<HubConfig, 'logLevel'>): Logger {
  const options = {
    level: logLevel,
    timestamp: () => `,"time":"${isoTime(Date.now())}"`,
    base: null,
    redact: ['req.headers.authorization', 'req.headers.cookie', 'token', 'password', '*.token', '*.password'],
  }
  if (!process.stderr.isTTY) return pino(options, writtenOnceATurn())
  return pino(options, pretty({ destination: 2, sync: true, ignore: 'pid,hostname', singleLine: true, translateTime: 'SYS:HH:MM:ss' }))
}

/** A system call for each line would take a busy hub a tenth of its time. Only a SIGKILL in that very turn loses lines. */
function writtenOnceATurn(): { write(line: string): void } {
  // Not its own buffer: emptying that also waits for the disk.
  const file = destination({ dest: 2, sync: true })
  let kept = ''
  let isDue = false
  const flush = (): void => {
    isDue = false
    const lines = kept
    kept = ''
    if (lines !== '') file.write(lines)
  }
  // Also after an uncaught error, whose line is the one that matters.
  process.once('exit', flush)
  return {
    write(line) {
      kept += line
      if (kept.length > MOST_KEPT) flush()
      if (isDue || kept === '') return
      isDue = true
      setImmediate(flush)
    },
  }
}
