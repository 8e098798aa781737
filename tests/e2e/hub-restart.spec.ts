/** The hub dies and comes back: a page that is open loses nothing and asks for nothing twice. */
import { once } from 'node:events'
import { serveSpace, type SpacesClient } from '@websocket-spaces/client'
import { startHubProcess } from '../harness/hub-process.ts'
import { makeSpace, type OwnedSpace, signInAdmin } from '../harness/people.ts'
import { expect, expectNoReload, markDocument, signIn, submitPrompt, test as base } from './fixtures.ts'

const LINES = 60

// These tests kill the hub, so it is not that of others.
const test = base.extend({
  hub: [
    async ({}, use) => {
      await using hub = await startHubProcess()
      await use(hub)
    },
    { scope: 'worker' },
  ],
})

/** An app that writes a line each time it is told to. */
async function tellingApp(url: string, owned: OwnedSpace) {
  const prompter = new EventTarget()
  const app = serveSpace({
    host: url,
    space: owned.reference,
    token: owned.token,
    instance: 'storyteller',
    async onRequest(_request, run) {
      for (let line = 1; line <= LINES; line++) {
        run.output(sayLine(line))
        run.progress(line / LINES)
        if (line % 20 === 0 && line < LINES) await once(prompter, 'go', { signal: run.signal })
      }
      return { model_used: 'storyteller' }
    },
  })
  await app.registered
  return {
    goOn: () => prompter.dispatchEvent(new Event('go')),
    [Symbol.asyncDispose]: () => app.close(),
  }
}

function sayLine(line: number): string {
  return `[${line}] 第 ${line} 行，the quick brown fox.\n`
}

async function requestsOf(admin: SpacesClient, space: string): Promise<string[]> {
  return (await admin.listRequests({ space, limit: 50 })).requests.map(({ id }) => id)
}

test('a streaming request goes on over the death of the hub, with no reload and no lost text', async ({ page, hub, words }) => {
  const owned = await makeSpace(await signInAdmin(hub.url))
  await using app = await tellingApp(hub.url, owned)
  await signIn(page)
  await page.goto(`/spaces/${owned.reference}`)
  await expect(page.getByTestId('status-badge')).toHaveText(words.connected)
  await markDocument(page)
  const id = await submitPrompt(page, 'tell a long story')
  const output = page.getByTestId('output-text')
  await expect(output).toContainText('[20]')

  await hub.kill()
  await expect(page.getByTestId('offline-banner')).not.toBeEmpty()
  // What was there stays there while the hub is away, and the app goes on meanwhile.
  await expect(output).toContainText('[20]')
  app.goOn()
  await hub.start()
  await expect(page.getByTestId('offline-banner')).toBeEmpty()
  await expect(page.getByTestId('status-badge')).toHaveText(words.connected)
  await expect(output).toContainText('[40]')
  app.goOn()
  await expect(page.getByTestId('result')).toBeVisible()
  await expect(page.getByTestId('figure-model')).toHaveText('storyteller')

  const told = Array.from({ length: LINES }, (_none, index) => sayLine(index + 1)).join('')
  expect(await output.evaluate((element: { textContent: string | null }) => element.textContent)).toBe(told)
  await expect(page.getByTestId('request-id')).toHaveText(id)
  await expectNoReload(page)
  expect(await requestsOf(await signInAdmin(hub.url), owned.reference)).toEqual([id])
})

test('a submit whose answer was lost is one request, also over a restart of the hub', async ({ page, hub, words }) => {
  const owned = await makeSpace(await signInAdmin(hub.url))
  await using app = await tellingApp(hub.url, owned)
  await signIn(page)
  await page.goto(`/spaces/${owned.reference}`)
  await expect(page.getByTestId('status-badge')).toHaveText(words.connected)
  await markDocument(page)
  const keys: (string | undefined)[] = []
  await page.route('**/requests', async (route) => {
    if (route.request().method() !== 'POST') return route.continue()
    keys.push(route.request().headers()['idempotency-key'])
    if (keys.length > 1) return route.continue()
    // The hub accepts it and dies; nobody learns of it.
    await route.fetch()
    await hub.kill()
    await route.abort('connectionreset')
    return hub.start()
  })

  await submitPrompt(page, 'only once')
  expect(keys.length).toBeGreaterThan(1)
  expect(new Set(keys).size).toBe(1)
  await expect(page.getByTestId('output-text')).toContainText('[20]')
  for (const line of [40, 60]) {
    app.goOn()
    await expect(page.getByTestId('output-text')).toContainText(`[${line}]`)
  }
  await expect(page.getByTestId('result')).toBeVisible()
  await expectNoReload(page)
  expect(await requestsOf(await signInAdmin(hub.url), owned.reference)).toHaveLength(1)
})

test('when no answer comes at all, the page says so and "try again" is still the same request', async ({ page, hub }) => {
  test.slow()
  const owned = await makeSpace(await signInAdmin(hub.url))
  await using _app = await tellingApp(hub.url, owned)
  await signIn(page)
  await page.goto(`/spaces/${owned.reference}`)
  let accepted = false
  await page.route('**/requests', async (route) => {
    if (route.request().method() !== 'POST') return route.continue()
    if (!accepted) await route.fetch()
    accepted = true
    return route.abort('connectionreset')
  })
  await page.getByTestId('prompt-input').fill('is it there?')
  await page.getByTestId('submit-request').click()
  await expect(page.getByTestId('submit-request')).toHaveAttribute('aria-busy', 'true')
  await expect(page.getByTestId('try-again')).toBeVisible({ timeout: 60_000 })
  await expect(page.getByTestId('prompt-input')).toHaveValue('is it there?')
  await page.unroute('**/requests')
  await page.getByTestId('try-again').click()
  await expect(page.getByTestId('request-id')).toBeVisible()
  await expect(page.getByTestId('run-prompt')).toContainText('is it there?')
  expect(await requestsOf(await signInAdmin(hub.url), owned.reference)).toHaveLength(1)
})
