import { destination, type Logger, pino, stdTimeFunctions } from 'pino'
import pretty from 'pino-pretty'
import type { HubConfig } from './config.ts'

/** Log lines go to standard error: one JSON object a line, or coloured text on a terminal. Secrets never get this far. */
export function createLog({ logLevel }: Pick<HubConfig, 'logLevel'>): Logger {
  const options = {
    level: logLevel,
    timestamp: stdTimeFunctions.isoTime,
    base: null,
    redact: ['req.headers.authorization', 'req.headers.cookie', 'token', 'password', '*.token', '*.password'],
  }
  if (!process.stderr.isTTY) return pino(options, destination({ dest: 2, sync: true }))
  return pino(options, pretty({ destination: 2, sync: true, ignore: 'pid,hostname', singleLine: true, translateTime: 'SYS:HH:MM:ss' }))
}
