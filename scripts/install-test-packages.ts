/** Makes sure that the Debian packages the tests need are there: installs them when it can, else says how. */
import { endChildrenOnSignals, run } from './run-command.ts'
import { say } from './say.ts'

/** The one list of Debian packages the tests need. */
const PACKAGES = [
  // A real browser, and a font without which Chinese is drawn as boxes.
  'chromium',
  'fonts-wqy-microhei',
  // Apps written in Python with the old events, under /usr/bin/python3; its asynchronous client needs aiohttp.
  'python3',
  'python3-socketio',
  'python3-aiohttp',
  // The tests start servers of their own from these, in temporary directories.
  'postgresql',
  'redis-server',
] as const

/** Throws, with the command to type, when something is missing and cannot be installed from here. */
export async function ensureTestPackages(): Promise<void> {
  const missing = await findMissing()
  if (missing.length === 0) return
  const become = await howToBecomeRoot()
  if (become === undefined) throw new Error(whatToType(missing))
  console.log(say(`Installing ${missing.join(', ')} …`, `正在安装 ${missing.join('、')}……`))
  const environment = { DEBIAN_FRONTEND: 'noninteractive' }
  const [sudo, ...sudoArgs] = [...become, 'apt-get']
  await run(sudo, [...sudoArgs, 'update', '-qq'], { show: true, env: environment })
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...missing]
  const { code } = await run(sudo, [...sudoArgs, ...install], { show: true, env: environment })
  if (code !== 0 || (await findMissing()).length > 0) throw new Error(whatToType(missing))
}

async function findMissing(): Promise<string[]> {
  const { output } = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\\n', ...PACKAGES])
  const installed = new Set(output.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.split(' ')[0]] : [])))
  return PACKAGES.filter((name) => !installed.has(name))
}

/** The words to put before a command; undefined when this user cannot become root without a password. */
async function howToBecomeRoot(): Promise<string[] | undefined> {
  if (process.getuid?.() === 0) return []
  const { code } = await run('sudo', ['-n', 'true'])
  return code === 0 ? ['sudo', '-n'] : undefined
}

function whatToType(missing: readonly string[]): string {
  const command = `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing.join(' ')}`
  return say(
    `The tests need Debian packages that could not be installed from here. Please type:\n\n  ${command}\n`,
    `测试需要以下 Debian 软件包，但无法自动安装。请运行：\n\n  ${command}\n`,
  )
}

if (import.meta.main) {
  endChildrenOnSignals()
  try {
    await ensureTestPackages()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
