import { SpacesClient } from '@websocket-spaces/client'
import { SpacesError, type ErrorCode } from '@websocket-spaces/protocol'
import { createServer } from 'node:net'
import { mustBe, type Section } from '../checklist.ts'
import type { ChildCommand } from '../child-command.ts'
import type { Stage } from '../stage.ts'

export const security: Section<Stage> = {
  title: 'verify.section.security',
  checks: [
    { title: 'verify.duplicates_refused', run: duplicatesRefused },
    { title: 'verify.unauthorised_refused', run: unauthorisedRefused },
    { title: 'verify.errors_clear', run: errorsClear },
  ],
}

/** Twice by one owner: refused at once. By two owners: a bare name registers nobody, and who is connected stays. */
async function duplicatesRefused(stage: Stage): Promise<string> {
  const admin = stage.get('admin')
  const [, name = ''] = stage.get('space').split('/')
  await refusedWith('space_name_taken', admin.createSpace({ name }))
  const guest = await stage.openGuest()
  stage.put('guest', guest)
  if (guest === null) return stage.cli.t('verify.registration_closed')
  const twin = `${guest.username}/${name}`
  stage.later(() => admin.deleteSpace(twin))
  await guest.client.createSpace({ name })
  const { token } = await guest.client.createConnectToken('spaces verify', twin)

  const refused = startApp(stage, name, token)
  mustBe((await refused.exit()) !== 0, 'exit ≠ 0', 0)
  const at = refused.lines.indexOf(`✗ Registration failed: Multiple spaces with name "${name}" found. `)
  mustBe(at >= 0 && refused.lines[at + 1] === '  Please use unique space names.', 'Multiple spaces with name …', refused.lines)

  const full = startApp(stage, twin, token)
  await full.line(/Registration successful!$/)
  await full.interrupt()
  const { status } = await admin.getSpace(stage.get('space'))
  mustBe(status.connected, 'connected: true', status)
  return ''
}

/** Not signed in, no token, a wrong one, someone else's: each is refused for its reason. */
async function unauthorisedRefused(stage: Stage): Promise<void> {
  const url = stage.get('url')
  const space = stage.get('space')
  const request = stage.get('request')
  const stranger = new SpacesClient({ host: url })
  await refusedWith('not_signed_in', stranger.submit(space, { prompt: 'x' }))
  await refusedWith('not_signed_in', stranger.getSpace(space))
  await refusedWith('not_signed_in', stranger.getRequest(request.id))

  // A config directory without tokens: the app has none to show.
  const none = stage.run(['mock-app', '--host', url, '--spaces', space], {
    XDG_CONFIG_HOME: `${stage.home}/empty`,
    HOME: `${stage.home}/empty`,
  })
  await refusedApp(none, /✗ Registration failed: .*token is required/)
  await refusedApp(startApp(stage, space, 'wst_wrong'), /✗ Registration failed: .*token is wrong/)

  const guest = stage.get('guest')
  if (guest === null) return
  const admin = stage.get('admin')
  await refusedWith('not_found', guest.client.getRequest(request.id))
  await refusedWith('forbidden', guest.client.createConnectToken('spaces verify', space))
  await admin.updateSpace(space, { visibility: 'private' })
  await refusedWith('space_not_found', guest.client.getSpace(space))
  await refusedWith('space_not_found', guest.client.submit(space, { prompt: 'x' }))
}

/** What went wrong and where, in the person's language, and never a stack trace. */
async function errorsClear(stage: Stage): Promise<void> {
  const space = stage.get('space')
  const [owner = '', name = ''] = space.split('/')
  for (const wrong of [`${name}-nowhere`, name.toLowerCase()]) {
    const app = stage.run(['mock-app', '--host', stage.get('url'), '--spaces', wrong])
    await refusedApp(app, new RegExp(`✗ Registration failed: Space "${wrong}" not found or is not a WebSocket space$`))
  }
  const address = `http://127.0.0.1:${await unusedPort()}`
  for (const [LANG, words] of [
    ['C', /cannot reach/i],
    ['zh_CN.UTF-8', /无法连接/],
  ] as const) {
    const app = stage.run(['mock-app', '--host', address, '--spaces', `${owner}/X`, '--no-retry'], { LANG })
    await refusedApp(app, words)
    mustBe(
      app.lines.some((line) => line.includes(address)),
      address,
      app.lines,
    )
  }
  const admin = stage.get('admin')
  await refusedWith('invalid_input', admin.submit(space, { prompt: '   ' }))
  await refusedWith('not_found', admin.getRequest('no-such-request'))
}

function startApp(stage: Stage, space: string, token: string): ChildCommand {
  return stage.run(['mock-app', '--host', stage.get('url'), '--spaces', space], { WSS_TOKEN: token })
}

async function refusedApp(app: ChildCommand, reason: RegExp): Promise<void> {
  const status = await app.exit()
  mustBe(status !== 0, 'exit ≠ 0', status)
  mustBe(
    app.lines.some((line) => reason.test(line)),
    reason.source,
    app.lines.at(-1),
  )
  mustBe(!app.lines.some((line) => /^\s+at \S+.*:\d+/.test(line)), 'no stack trace', app.lines)
}

async function refusedWith(code: ErrorCode, call: Promise<unknown>): Promise<void> {
  const error: unknown = await call.then(
    () => 'accepted',
    (reason: unknown) => reason,
  )
  mustBe(error instanceof SpacesError && error.code === code, code, error instanceof SpacesError ? error.code : String(error))
}

async function unusedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return address instanceof Object ? address.port : 0
}
