import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Whatever ends this process, none of its servers outlives it. */
const living = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

/** Neither PostgreSQL nor a careful Redis runs as root: there, the user `postgres` runs both. */
export interface Account {
  readonly uid?: number
  readonly gid?: number
}

export async function unprivileged(): Promise<Account> {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)))
  return uid === undefined || gid === undefined ? {} : { uid, gid }
}

/** A temporary directory that the account may use. */
export async function directoryFor({ uid, gid }: Account): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'hub-server-'))
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
  return path
}

/** A real server that a test stops, kills and starts again; its port and its data stay the same. */
export interface ServerProcess extends AsyncDisposable {
  start(): Promise<void>
  /** Ends it at once and waits until it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>
}

interface ServerOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly account: Account
  readonly directory: string
  /** The line it prints when it takes connections. */
  readonly ready: RegExp
}

export function serverProcess({ command, args, account, directory, ready }: ServerOptions): ServerProcess {
  let child: ChildProcess | undefined
  let ended: Promise<unknown> = Promise.resolve()

  async function start(): Promise<void> {
    const started = spawn(command, args, { ...account, cwd: directory, env: { PATH: process.env['PATH'], LC_ALL: 'C' }, stdio: 'pipe' })
    child = started
    living.add(started)
    ended = once(started, 'close').finally(() => living.delete(started))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const said: string[] = []
    for (const stream of [started.stdout, started.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        if (said.length < 200) said.push(line)
        if (ready.test(line)) resolve()
      })
    }
    void ended.then(
      () => reject(new Error(`${command} ended:\n${said.join('\n')}`)),
      (error: unknown) => reject(error instanceof Error ? error : new Error(String(error))),
    )
    await promise
  }

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    child?.kill(signal)
    await ended.catch(() => undefined)
  }

  return {
    start,
    kill,
    async [Symbol.asyncDispose]() {
      await kill()
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Not one that a connection to somewhere else may be given in the next moment: those begin at 32,768 on Linux. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const port = randomInt(20_000, 32_768)
    if (await isFree(port)) return port
  }
  throw new Error('no free port found')
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
