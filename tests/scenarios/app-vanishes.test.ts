/** An app whose machine freezes or dies: the status follows, and its request does not get lost. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SpacesClient } from '@websocket-spaces/client'
import type { RequestView } from '@websocket-spaces/protocol'
import { startEchoApp } from '../harness/echo-app-process.ts'
import { eventually } from '../harness/eventually.ts'
import { type HubProcess, startHubProcess } from '../harness/hub-process.ts'
import { makeSpace, signInAdmin } from '../harness/people.ts'

let hub: HubProcess
let admin: SpacesClient

beforeAll(async () => {
  hub = await startHubProcess({ APP_GRACE_SECONDS: '2' })
  admin = await signInAdmin(hub.url)
})
afterAll(() => hub[Symbol.asyncDispose]())

function connected(reference: string, expected: boolean): Promise<unknown> {
  return eventually(
    async () => (await admin.getSpace(reference)).status.connected,
    (answer) => answer === expected,
    15_000,
  )
}

function finished(id: string): Promise<RequestView> {
  return eventually(
    () => admin.getRequest(id),
    (view) => view.finished_at !== null,
    60_000,
  )
}

test('a frozen app is shown as not connected; thawed, it goes on with the request it had', async () => {
  const owned = await makeSpace(admin)
  await using app = await startEchoApp(hub.url, owned)
  await connected(owned.reference, true)
  const { id } = await admin.submit(owned.reference, { prompt: 'hold on' })
  await app.line(new RegExp(`^started ${id}`))

  app.kill('SIGSTOP')
  await connected(owned.reference, false)
  await expect(admin.submit(owned.reference, { prompt: 'more' })).rejects.toMatchObject({ code: 'app_not_connected' })
  // Only silent so far: it may come back, so its request stays with it.
  expect(await admin.getRequest(id)).toMatchObject({ status: 'processing', attempts: 1 })

  app.kill('SIGCONT')
  await connected(owned.reference, true)
  app.write('go\n')
  expect(await finished(id)).toMatchObject({ status: 'completed', attempts: 1, result: { text_output: 'hold on' } })
  expect(app.lines.filter((line) => line.startsWith('started'))).toHaveLength(1)
})

test('the request of a killed app goes to the next one, after its time to come back', async () => {
  const owned = await makeSpace(admin)
  await using first = await startEchoApp(hub.url, owned, 'first')
  const { id } = await admin.submit(owned.reference, { prompt: 'hold this' })
  await first.line(new RegExp(`^started ${id}`))
  first.kill('SIGKILL')
  await connected(owned.reference, false)
  await eventually(
    () => admin.getRequest(id),
    (view) => view.status === 'queued',
  )

  await using second = await startEchoApp(hub.url, owned, 'second')
  await second.line(new RegExp(`^started ${id} attempt 2`))
  second.write('go\n')
  expect(await finished(id)).toMatchObject({ status: 'completed', attempts: 2, instance: 'second', result: { text_output: 'hold this' } })
})

test('an app frozen for good loses its request to another, and is told to stop when it thaws', async () => {
  const owned = await makeSpace(admin)
  await using frozen = await startEchoApp(hub.url, owned, 'frozen')
  const { id } = await admin.submit(owned.reference, { prompt: 'hold tight' })
  await frozen.line(new RegExp(`^started ${id}`))
  frozen.kill('SIGSTOP')
  await using other = await startEchoApp(hub.url, owned, 'other')
  await other.line(new RegExp(`^started ${id} attempt 2`))
  frozen.kill('SIGCONT')
  await frozen.line(new RegExp(`^stopped ${id} lease_lost`))
  expect(await admin.getRequest(id)).toMatchObject({ status: 'processing', instance: 'other' })
  other.write('go\n')
  expect(await finished(id)).toMatchObject({ status: 'completed', instance: 'other', attempts: 2 })
})
