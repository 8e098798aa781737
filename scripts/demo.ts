/** `npm run demo`: a hub with a space whose app, examples/ocr, is already connected. Ctrl+C ends both. */
import { join } from 'node:path'
import { readFile } from 'node:fs/promises'
import { createHub, type Hub, loadConfig, StartupError } from '@websocket-spaces/hub'
import { onStopSignal } from '../packages/cli/src/stop-signal.ts'
import { DEMO_SPACE, prepareDemoSpace } from './demo-space.ts'
import { keepRunning } from './keep-running.ts'
import { ROOT } from './run-command.ts'
import { say, speaksChinese } from './say.ts'

const APP = join(ROOT, 'examples', 'ocr', 'src', 'main.ts')

async function main(): Promise<void> {
  const stopping = new AbortController()
  onStopSignal((signal) => stopping.abort(signal))
  const hub = await createHub(loadConfig({ LOG_LEVEL: 'warn', ...process.env }))
  try {
    const { port } = await hub.listen()
    const host = `http://${reachable(hub.config.listen.host)}:${port}`
    const passwordFile = join(hub.config.dataDir, 'admin-password.txt')
    const password = hub.firstAdminPassword ?? hub.config.adminPassword ?? (await readPassword(passwordFile))
    const token = await prepareDemoSpace(host, hub.config.dataDir, password)
    console.log(welcome(hub, port, password === undefined ? undefined : passwordFile))
    if (token === null) console.error(noToken())
    else await serve(host, token, stopping.signal)
    await aborted(stopping.signal)
  } finally {
    await hub.close()
  }
}

function serve(host: string, token: string, signal: AbortSignal): Promise<void> {
  return keepRunning(
    {
      name: 'ocr',
      args: [APP, '--host', host, '--space', DEMO_SPACE],
      env: { WSS_TOKEN: token, ADMIN_PASSWORD: '' },
      onExit: (code, waitMs) => {
        const seconds = waitMs / 1_000
        console.log(
          say(`The OCR app ended (${code}); starting it again in ${seconds} s`, `OCR 应用已退出（${code}），${seconds} 秒后重新启动`),
        )
      },
    },
    signal,
  )
}

/** The address of this machine for its own programs, where the hub listens on all of them. */
function reachable(listenHost: string): string {
  if (listenHost === '0.0.0.0') return '127.0.0.1'
  if (listenHost === '::') return '[::1]'
  return listenHost.includes(':') ? `[${listenHost}]` : listenHost
}

async function readPassword(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  )
}

function welcome(hub: Hub, port: number, passwordFile: string | undefined): string {
  const address = `http://localhost:${port}`
  const kept =
    passwordFile === undefined
      ? say('the password you chose', '您设置的密码')
      : say(`password in ${passwordFile}`, `密码保存在 ${passwordFile}`)
  const password = hub.firstAdminPassword === null ? kept : `${hub.firstAdminPassword}  (${kept})`
  const lines = speaksChinese
    ? [`打开      ${address}`, `登录      admin / ${password}`, `试用      ${address}/spaces/${DEMO_SPACE}`, '停止      Ctrl+C']
    : [`Open      ${address}`, `Sign in   admin / ${password}`, `Try       ${address}/spaces/${DEMO_SPACE}`, 'Stop      Ctrl+C']
  return `\n${lines.map((line) => `  ${line}`).join('\n')}\n`
}

function noToken(): string {
  return say(
    'The admin password was changed before the demo had a connect token, so its app cannot connect. Start once with ADMIN_PASSWORD=… npm run demo.',
    '演示尚未取得连接令牌时管理员密码已被修改，应用无法连接。请用 ADMIN_PASSWORD=… npm run demo 启动一次。',
  )
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  await promise
}

/** The hub says how to start it alone on another port. */
function sayWhy(error: StartupError): string {
  return error.say(speaksChinese ? 'zh' : 'en').replace('npm start', 'npm run demo')
}

try {
  await main()
} catch (error) {
  console.error(error instanceof StartupError ? sayWhy(error) : error instanceof Error ? error.message : error)
  process.exitCode = 1
}
