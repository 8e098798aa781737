/** What people see while they wait and when they give up: a place and an estimate that move, and a stop that the app confirms. */
import { serveSpace } from '@websocket-spaces/client'
import { makeSpace, type OwnedSpace, signUp, unique } from '../harness/people.ts'
import { expect, signIn, submitPrompt, test } from './fixtures.ts'

const PASSWORD = 'their-own-password'

/** One at a time; each runs until it is let go by its prompt, also after it was canceled. */
async function patientApp(url: string, owned: OwnedSpace) {
  const order: string[] = []
  const gates = new Map<string, PromiseWithResolvers<void>>()
  function gateOf(prompt: string): PromiseWithResolvers<void> {
    const gate = gates.get(prompt) ?? Promise.withResolvers<void>()
    gates.set(prompt, gate)
    return gate
  }
  const app = serveSpace({
    host: url,
    space: owned.reference,
    token: owned.token,
    concurrency: 1,
    prefetch: 0,
    async onRequest({ prompt }) {
      order.push(prompt)
      await gateOf(prompt).promise
      return { text_output: prompt }
    },
  })
  await app.registered
  return {
    order,
    letGo: (prompt: string) => gateOf(prompt).resolve(),
    async [Symbol.asyncDispose]() {
      for (const gate of gates.values()) gate.resolve()
      await app.close()
    },
  }
}

test('a high priority overtakes, places and estimates move live, and a running request stops by way of “canceling”', async ({
  page,
  browser,
  hub,
  words,
}) => {
  test.slow()
  const names = { owner: unique('owner'), guest: unique('guest') }
  const owner = await signUp(hub.url, names.owner)
  const owned = await makeSpace(owner)
  await using app = await patientApp(hub.url, owned)
  const guest = await signUp(hub.url, names.guest)
  // Estimates need a history.
  for (const past of ['past 1', 'past 2', 'past 3']) {
    app.letGo(past)
    const { id } = await guest.submit(owned.reference, { prompt: past })
    await expect.poll(async () => (await guest.getRequest(id)).status).toBe('completed')
  }
  const running = await guest.submit(owned.reference, { prompt: 'runs first' })
  await expect.poll(() => app.order.at(-1)).toBe('runs first')

  await signIn(page, names.guest, PASSWORD)
  await page.goto(`/spaces/${owned.reference}`)
  await submitPrompt(page, 'waits')
  await expect(page.getByTestId('priority')).toHaveCount(0)
  await expect(page.getByText(words.nextAbout)).toBeVisible()

  await using context = await browser.newContext({ baseURL: hub.url, locale: words.locale })
  const ownerPage = await context.newPage()
  await signIn(ownerPage, names.owner, PASSWORD)
  await ownerPage.goto(`/spaces/${owned.reference}`)
  await ownerPage.getByTestId('priority').selectOption('high')
  const urgent = await submitPrompt(ownerPage, 'cannot wait')
  await expect(ownerPage.getByText(words.nextAbout)).toBeVisible()
  await expect(ownerPage.getByTestId('recent-requests').locator('[data-priority=high]')).toBeVisible()
  await expect(page.getByText(words.secondAbout)).toBeVisible()

  app.letGo('runs first')
  await expect(page.getByText(words.nextAbout)).toBeVisible()
  expect((await guest.getRequest(running.id)).status).toBe('completed')
  app.letGo('cannot wait')
  await expect(ownerPage.getByTestId('output-text')).toHaveText('cannot wait')
  await expect.poll(() => app.order.slice(3)).toEqual(['runs first', 'cannot wait', 'waits'])

  const shown = page.locator('[data-status]:has(+ * [data-testid=request-id])')
  await expect(shown).toHaveAttribute('data-status', 'processing')
  await page.getByTestId('cancel-request').click()
  await expect(shown).toHaveAttribute('data-status', 'canceling')
  await expect(page.getByTestId('cancel-request')).toBeDisabled()
  app.letGo('waits')
  await expect(shown).toHaveAttribute('data-status', 'canceled')
  await expect(page.getByTestId('cancel-request')).toHaveCount(0)

  await ownerPage.goto(`/requests/${urgent}`)
  await expect(ownerPage.locator('main dl')).toContainText(words.highPriority)
})
