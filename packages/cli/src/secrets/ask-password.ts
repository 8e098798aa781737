import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import { CommandFailure, Exit } from '../command-failure.ts'

/** Asks on the terminal, without showing what is typed. */
export async function askPassword(question: string): Promise<string> {
  if (!process.stdin.isTTY) throw new CommandFailure('login.no_terminal')
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true, historySize: 0 })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  process.stderr.write(question)
  reader.once('SIGINT', () => reject(new Exit(130)))
  reader.once('close', () => reject(new Exit(130)))
  reader.question('', resolve)
  try {
    return await promise
  } finally {
    reader.close()
    process.stderr.write('\n')
  }
}

/** The first line of standard input. */
export async function passwordFromStdin(): Promise<string> {
  return (await readAll(process.stdin)).split(/\r?\n/, 1)[0] ?? ''
}
