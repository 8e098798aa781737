/** Builds the web page: `--if-stale` only when the build is missing or older than its sources. */
import { mkdir, open, readdir, readFile, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT, run } from './run-command.ts'
import { say } from './say.ts'

const WEB = join(ROOT, 'packages', 'web')
const PRODUCT = join(WEB, 'build', 'index.html')
const LOCK = join(ROOT, 'node_modules', '.cache', 'build-web.lock')
const SOURCES = [join(WEB, 'src'), join(WEB, 'static'), join(ROOT, 'packages', 'protocol', 'src')]
const SOURCE_FILES = [join(WEB, 'package.json'), join(ROOT, 'package-lock.json')]
const WAIT_FOR_OTHER_BUILD_MS = 180_000

/** Makes sure that the page in packages/web/build is as new as its sources. Throws with the builder's output. */
export async function ensureWebBuilt(): Promise<void> {
  if (await isFresh()) return
  await using _lock = await lock()
  // Another process may have built it while this one waited for the lock.
  if (!(await isFresh())) await build()
}

async function build(): Promise<void> {
  const started = new Date()
  console.log(say('Building the web page (about 20 s, only when it changed) …', '正在构建网页（约 20 秒，仅在有改动时进行）……'))
  const vite = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js')
  const { code, output, seconds } = await run(process.execPath, [vite, 'build'], { cwd: WEB })
  if (code !== 0) {
    throw new Error(`${output.trim()}\n\n${say('The web page could not be built; the reason is above.', '网页构建失败，原因见上。')}`)
  }
  // Dated to the start, so that a source changed during the build counts as newer.
  await utimes(PRODUCT, started, started)
  console.log(say(`Web page built in ${seconds.toFixed(1)} s`, `网页构建完成，用时 ${seconds.toFixed(1)} 秒`))
}

async function isFresh(): Promise<boolean> {
  const built = await modified(PRODUCT)
  if (built === undefined) return false
  for await (const path of sources()) {
    if (((await modified(path)) ?? 0) > built) return false
  }
  return true
}

/** Folders too: a deleted file only shows in the date of its folder. */
async function* sources(): AsyncGenerator<string> {
  yield* SOURCE_FILES
  for (const name of await readdir(WEB)) if (/\.config\.\w+$/.test(name)) yield join(WEB, name)
  for (const folder of SOURCES) {
    yield folder
    const entries = await readdir(folder, { recursive: true }).catch(() => [])
    for (const entry of entries) yield join(folder, entry)
  }
}

async function modified(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.mtimeMs
}

/** One build at a time across processes. A lock whose holder is gone is taken over. */
async function lock(): Promise<AsyncDisposable> {
  await mkdir(join(LOCK, '..'), { recursive: true })
  const giveUpAt = Date.now() + WAIT_FOR_OTHER_BUILD_MS
  while (!(await takeLock())) {
    if (Date.now() > giveUpAt) throw new Error(say(`Another build holds ${LOCK}`, `另一个构建占用了 ${LOCK}`))
    await sleep(200)
  }
  return {
    async [Symbol.asyncDispose]() {
      await rm(LOCK, { force: true })
    },
  }
}

async function takeLock(): Promise<boolean> {
  try {
    await using file = await open(LOCK, 'wx')
    await file.writeFile(String(process.pid))
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  const holder = Number(await readFile(LOCK, 'utf8').catch(() => ''))
  if (holder > 0 && !isAlive(holder)) await rm(LOCK, { force: true })
  return false
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

if (import.meta.main) {
  try {
    if (process.argv.includes('--if-stale')) await ensureWebBuilt()
    else {
      await using _lock = await lock()
      await build()
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
