import { parseHubAddress } from '@websocket-spaces/client'
import { InvalidArgumentError, Option } from 'commander'
import type { Cli } from './cli.ts'
import { CommandFailure } from './command-failure.ts'

export const DEFAULT_HOST = 'http://localhost:5001'

/** `--host`, the hub's address. */
export function hostOption(cli: Cli): Option {
  return new Option('--host <address>', cli.t('option.host')).default(DEFAULT_HOST)
}

/** What was typed as `--host`: its address without token or path. */
export function hubOrigin(host: string): string {
  return hubAddress(host).origin
}

/** The address and the token it may carry. @throws CommandFailure that says how an address looks. */
export function hubAddress(host: string): ReturnType<typeof parseHubAddress> {
  try {
    return parseHubAddress(host)
  } catch (error) {
    throw new CommandFailure('error.not_an_address', { host }, { cause: error })
  }
}

/** For options that take a number of seconds. */
export function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (text.trim() === '' || !Number.isFinite(seconds) || seconds < 0 || seconds > 86_400) throw new InvalidArgumentError(`'${text}'`)
  return seconds
}
