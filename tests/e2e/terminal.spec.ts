/** Section 3, the scenarios a terminal shows: names, absent hubs, tokens. The browser plays no part, so one project runs them. */
import { ADMIN_PASSWORD } from '../harness/hub-process.ts'
import { makeSpace, signInAdmin, signUp, unique } from '../harness/people.ts'
import { expect, setUpSpace, startMockApp, test } from './fixtures.ts'

test.describe('in the terminal', () => {
  test('section 1: setup-space prints what to type next, and that works as it stands', async ({ hub, terminal }) => {
    const setup = terminal.run('setup-space', '--host', hub.url, '--admin-pass', ADMIN_PASSWORD)
    expect(await setup.exit()).toBe(0)
    const name = setup.lines.join('\n').match(/✓ Space created: (TestSpace_\d+)/)?.[1] ?? ''
    expect(setup.lines).toEqual([
      'Creating test WebSocket space...',
      `Host: ${hub.url}`,
      'Admin User: admin',
      '',
      `✓ Space created: ${name}`,
      '',
      'Now run the mock app with:',
      `  npm run mock-app -- --host ${hub.url} --spaces "${name}"`,
    ])
    await startMockApp(terminal, hub, name)
  })

  test('scenario 3: a name two owners have is refused; the full name works; who was connected stays', async ({ hub, terminal }) => {
    const name = unique('TestSpace_DUP')
    await setUpSpace(terminal, hub, name)
    const connected = await startMockApp(terminal, hub, name)
    const second = await makeSpace(await signUp(hub.url), { name })

    const refused = terminal.run('mock-app', '--host', hub.url, '--spaces', name, '--token', second.token)
    await refused.line(new RegExp(`✗ Registration failed: Multiple spaces with name "${name}" found\\.`))
    await refused.line(/Please use unique space names\./)
    expect(await refused.exit()).not.toBe(0)

    await startMockApp(terminal, hub, second.reference, '--token', second.token)
    const admin = await signInAdmin(hub.url)
    expect((await admin.getSpace(`admin/${name}`)).status).toMatchObject({ connected: true, replicas: 1 })
    expect(connected.lines.some((line) => /disconnect/i.test(line))).toBe(false)
    await expect(admin.createSpace({ name })).rejects.toMatchObject({ code: 'space_name_taken' })
  })

  test('scenario 4: a wrong name, or a wrong case, is told', async ({ hub, terminal }) => {
    const name = await setUpSpace(terminal, hub)
    for (const wrong of ['NoSuchSpace', name.toLowerCase()]) {
      const app = terminal.run('mock-app', '--host', hub.url, '--spaces', wrong)
      await app.line(new RegExp(`Registration failed: Space "${wrong}" not found or is not a WebSocket space`))
      expect(await app.exit()).not.toBe(0)
    }
  })

  test('scenario 5: where no hub answers, the address is named and nothing looks like a crash', async ({ terminal }) => {
    const address = 'http://127.0.0.1:9'
    const once = terminal.run('mock-app', '--host', address, '--spaces', 'X', '--token', 'wst_x', '--no-retry')
    expect(await once.exit()).not.toBe(0)
    expect(once.lines.join('\n')).toContain(address)
    const stubborn = terminal.run('mock-app', '--host', address, '--spaces', 'X', '--token', 'wst_x')
    await stubborn.line(/retry|trying again/i)
    for (const { lines } of [once, stubborn]) expect(lines.join('\n')).not.toMatch(/^\s+at .+:\d+/m)
  })

  test('scenario 6: no token or a wrong one is refused with the reason', async ({ hub, terminal }) => {
    const { reference } = await makeSpace(await signInAdmin(hub.url))
    for (const args of [[], ['--token', 'wst_wrong']]) {
      const app = terminal.run('mock-app', '--host', hub.url, '--spaces', reference, ...args)
      await app.line(/✗ Registration failed: .*token/)
      expect(await app.exit()).not.toBe(0)
    }
  })
})
