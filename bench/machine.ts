import { execFileSync } from 'node:child_process'
import { closeSync, fdatasyncSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { median } from './statistics.ts'

export interface Machine {
  readonly description: string
  readonly versions: string
  readonly commit: string
}

export function describeMachine(): Machine {
  const gib = Math.round(totalmem() / 1024 ** 3)
  const model = cpus()[0]?.model.trim() ?? 'unknown'
  const sync = syncMs()
  return {
    description: `${availableParallelism()} cores of ${model}, ${gib} GiB, ${type()} ${release()}; ${fileSystem()}, one 4 KiB write with fdatasync ${sync.toFixed(2)} ms`,
    versions: `Node ${process.versions.node}, ${['socket.io', 'fastify'].map(versionOf).join(', ')}`,
    commit: git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', 'packages') === '' ? '' : ' with changes'),
  }
}

/** Average number of busy processes over the last minute. */
export function load(): number {
  return loadavg()[0] ?? 0
}

/** What a commit costs here at the least. Milliseconds, median. */
function syncMs(): number {
  const path = join(tmpdir(), `wss-bench-sync-${process.pid}`)
  const file = openSync(path, 'w')
  const page = Buffer.alloc(4096, 1)
  const times: number[] = []
  for (let turn = 0; turn < 200; turn += 1) {
    const from = performance.now()
    writeSync(file, page)
    fdatasyncSync(file)
    times.push(performance.now() - from)
  }
  closeSync(file)
  unlinkSync(path)
  return median(times)
}

function fileSystem(): string {
  try {
    return execFileSync('stat', ['-f', '-c', '%T', tmpdir()], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown file system'
  }
}

function versionOf(name: string): string {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../node_modules', name, 'package.json'), 'utf8')) as {
    version: string
  }
  return `${name} ${manifest.version}`
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}
