/** Makes the pictures of the README in docs/images, from a real hub: `node scripts/screenshots.ts [name …]`. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, chromium, type LaunchOptions } from '@playwright/test'
import playwrightConfig from '../playwright.config.ts'
import { ADMIN_PASSWORD, type HubProcess, startHubProcess } from '../tests/harness/hub-process.ts'
import { signInAdmin, signUp } from '../tests/harness/people.ts'
import { ensureWebBuilt } from './build-web.ts'
import { prepareDemoSpace } from './demo-space.ts'
import { ROOT } from './run-command.ts'
import { createGate, type Gate, servePoems, serveQuietly } from './screenshots/apps.ts'
import { type Shot, SHOTS } from './screenshots/shots.ts'
import { SHOWN_SPACES } from './screenshots/spaces.ts'

const FOLDER = join(ROOT, 'docs', 'images')

async function furnish(hub: HubProcess, gate: Gate): Promise<AsyncDisposableStack> {
  const apps = new AsyncDisposableStack()
  const admin = await signInAdmin(hub.url)
  for (const space of SHOWN_SPACES) await admin.createSpace(space)
  for (const username of ['lin', 'marta', 'yusuf']) await signUp(hub.url, username)
  await prepareDemoSpace(hub.url, hub.dataDir, ADMIN_PASSWORD)
  const { token } = await admin.createConnectToken('screenshots')
  apps.use(servePoems(hub.url, token, gate))
  for (const name of ['ocr-demo', 'translate-zh-en', 'speech-to-text', 'sketch-to-image']) {
    await apps.use(serveQuietly(hub.url, token, `admin/${name}`)).registered
  }
  // Was there once, so that its page says when it was last seen.
  await using radio = serveQuietly(hub.url, token, 'admin/night-radio')
  await radio.registered
  return apps
}

async function takeShot(browser: Browser, hub: HubProcess, shot: Shot, gate: Gate): Promise<void> {
  await using context = await browser.newContext({
    baseURL: hub.url,
    locale: shot.locale,
    colorScheme: shot.dark === true ? 'dark' : 'light',
    viewport: shot.phone === true ? { width: 390, height: 844 } : { width: 1280, height: 860 },
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  const signedIn = await page.request.post('/api/auth/sign-in/username', { data: { username: 'admin', password: ADMIN_PASSWORD } })
  if (!signedIn.ok()) throw new Error(`could not sign in: ${await signedIn.text()}`)
  try {
    await shot.arrange(page, gate)
    await page.screenshot({ path: join(FOLDER, `${shot.name}.png`), animations: 'disabled' })
    console.log(shot.name)
  } finally {
    gate.open()
  }
}

function launchOptions(): LaunchOptions {
  return playwrightConfig.use?.launchOptions ?? {}
}

await ensureWebBuilt()
await mkdir(FOLDER, { recursive: true })
const only = process.argv.slice(2)
const gate = createGate()
await using hub = await startHubProcess()
await using _apps = await furnish(hub, gate)
await using browser = await chromium.launch(launchOptions())
for (const shot of SHOTS) {
  if (only.length === 0 || only.includes(shot.name)) await takeShot(browser, hub, shot, gate)
}
