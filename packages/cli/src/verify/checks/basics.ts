import { SpacesClient } from '@websocket-spaces/client'
import { CommandFailure } from '../../command-failure.ts'
import { loadHub } from '../../commands/serve.ts'
import { mustBe } from '../checklist.ts'
import type { Section } from '../checklist.ts'
import type { Stage } from '../stage.ts'

export const basics: Section<Stage> = {
  title: 'verify.section.basics',
  checks: [
    { title: 'verify.hub_starts', run: hubStarts },
    { title: 'verify.modules_load', run: modulesLoad },
    { title: 'verify.space_created', run: spaceCreated },
    { title: 'verify.app_connects', run: appConnects },
    { title: 'verify.page_connected', run: pageConnected },
  ],
}

/** The one given, or one of our own with an empty database on a free port. */
async function hubStarts(stage: Stage): Promise<string> {
  const url = stage.options.host ?? (await startHub(stage))
  const response = await fetch(new URL('/healthz', url), { signal: AbortSignal.timeout(10_000) }).catch(() => undefined)
  const { name, version } = await new SpacesClient({ host: url, language: stage.cli.language }).info()
  mustBe(response?.ok === true, '/healthz 200', String(response?.status))
  stage.put('url', url)
  return `${name} ${version}, ${url}`
}

async function startHub(stage: Stage): Promise<string> {
  const hub = stage.run(['serve', '--host', '127.0.0.1', '--port', '0'], { LOG_LEVEL: 'warn' })
  const line = await hub.line(/^ \* Running on http:\/\/\S+$/)
  return line.replace(' * Running on ', '')
}

/** The program's own, and every script the page asks for. */
async function modulesLoad(stage: Stage): Promise<string> {
  const url = stage.get('url')
  await Promise.all([loadHub(), import('@websocket-spaces/client'), import('@websocket-spaces/protocol'), import('node:sqlite')])
  const page = await fetch(url, { headers: { accept: 'text/html' }, signal: AbortSignal.timeout(10_000) })
  const html = await page.text()
  const scripts = [...html.matchAll(/(?:src|href)="([^"]+\.js)"|import\("([^"]+)"\)/g)].map((match) => match[1] ?? match[2] ?? '')
  mustBe(page.status === 200, 'HTML, 200', `${page.status} ${page.headers.get('content-type') ?? ''}`)
  if (scripts.length === 0) throw new CommandFailure('verify.page_not_built')
  for (const script of scripts) {
    const response = await fetch(new URL(script, url), { signal: AbortSignal.timeout(10_000) })
    await response.body?.cancel()
    mustBe(response.ok && /javascript/.test(response.headers.get('content-type') ?? ''), `${script} 200`, response.status)
  }
  return `Node.js ${process.versions.node}`
}

/** With the very command a newcomer types. */
async function spaceCreated(stage: Stage): Promise<string> {
  const { adminUser, host } = stage.options
  const url = stage.get('url')
  const password = host === undefined ? {} : { ADMIN_PASSWORD: await stage.password() }
  const setup = stage.run(['setup-space', '--host', url, '--admin-user', adminUser], password)
  const line = await setup.line(/^✓ Space created: /)
  const reference = `${adminUser}/${line.replace('✓ Space created: ', '')}`
  const admin = await stage.signInAdmin()
  stage.later(() => admin.deleteSpace(reference))
  mustBe((await setup.exit()) === 0, 'exit 0', setup.lines.at(-1))
  const space = await admin.getSpace(reference)
  mustBe(space.type === 'websocket', 'websocket', space.type)
  stage.put('admin', admin)
  stage.put('space', reference)
  return reference
}

/** With the token setup-space kept, as the command it printed would find it. */
async function appConnects(stage: Stage): Promise<void> {
  await startMockApp(stage)
}

/** Starts the mock app on the stage's space and waits until the hub has taken it. */
export async function startMockApp(stage: Stage): Promise<void> {
  const app = stage.run(['mock-app', '--host', stage.get('url'), '--spaces', stage.get('space'), '--verbose'])
  await app.line(/\[✓\] Registration successful!$/)
  await app.line(/\[INFO\] Request processor started$/)
  stage.put('app', app)
}

async function pageConnected(stage: Stage): Promise<string> {
  const { viewer, remark } = await stage.openViewer()
  stage.put('viewer', viewer)
  const tab = await viewer.open(stage.get('space'))
  stage.put('tab', tab)
  await tab.shows(true)
  await tab.formIs(true)
  return remark
}
