/** A space from its creation in the page to its first request, and what only its owner may do. */
import { join } from 'node:path'
import { startChild } from '../harness/child.ts'
import { makeSpace, signInAdmin, signUp, unique } from '../harness/people.ts'
import { expect, signIn, submitPrompt, test } from './fixtures.ts'

const CLI = join(import.meta.dirname, '../../packages/cli/src/main.ts')

test('a new space shows the command to connect, and turns green by itself when the app arrives', async ({ page, hub, words }) => {
  const name = unique('fresh')
  await signIn(page)
  await page.goto('/new')
  await page.locator('main form input').first().fill(name)
  await page.locator('main form button[type=submit]').click()
  await expect(page).toHaveURL(new RegExp(`/spaces/admin/${name}/connect`))
  await expect(page.getByTestId('status-badge')).toHaveText(words.notConnected)
  const shown = page.getByTestId('connect-command').locator('code').first()
  await expect(shown).toContainText(/wst_[\w-]{8}/)
  const command = await shown.innerText()
  expect(command).toContain(hub.url)
  const typed = command.match(/--spaces "?(\S+?)"? .*--token "?(wst_[\w-]+)"?/s)
  expect(typed, command).not.toBeNull()

  await using app = startChild(process.execPath, [
    CLI,
    'mock-app',
    '--host',
    hub.url,
    '--spaces',
    typed?.[1] ?? '',
    '--token',
    typed?.[2] ?? '',
  ])
  await app.line(/Registration successful!/)
  await expect(page.getByTestId('status-badge')).toHaveText(words.connected)
  await page.goto(`/spaces/admin/${name}`)
  await submitPrompt(page, 'the first request')
  await expect(page.getByTestId('output-text')).toContainText('the first request')
})

test('the same owner creating the same name twice is told so in place', async ({ page, hub, words }) => {
  const name = unique('taken')
  await (await signInAdmin(hub.url)).createSpace({ name })
  await signIn(page)
  await page.goto('/new')
  await page.locator('main form input').first().fill(name)
  await page.locator('main form button[type=submit]').click()
  await expect(page.getByText(words.nameTaken(name)).first()).toBeVisible()
  await expect(page).toHaveURL(/\/new/)
})

test('the badge is green or red, and never only that', async ({ page, hub, words }) => {
  const { reference, token } = await makeSpace(await signInAdmin(hub.url))
  await signIn(page)
  await page.goto(`/spaces/${reference}`)
  const badge = page.getByTestId('status-badge')
  const background = `getComputedStyle(document.querySelector('[data-testid="status-badge"]')).backgroundColor`
  const colour = async () => (await page.evaluate<string>(background)).match(/\d+/g)?.map(Number) ?? []
  await expect(badge).toHaveText(words.notConnected)
  const [red = 0, green = 0] = await colour()
  expect(red).toBeGreaterThan(green)

  await using app = startChild(process.execPath, [CLI, 'mock-app', '--host', hub.url, '--spaces', reference, '--token', token])
  await app.line(/Registration successful!/)
  await expect(badge).toHaveText(words.connected)
  await expect.poll(async () => ((await colour())[1] ?? 0) > ((await colour())[0] ?? 0)).toBe(true)
})

test('a revoked token drops its app at once, and a stranger cannot edit, submit to or see what is private', async ({
  page,
  hub,
  words,
}) => {
  const owner = await signUp(hub.url, unique('owner'))
  const { reference, token, space } = await makeSpace(owner, { name: unique('mine'), visibility: 'private' })
  await using app = startChild(process.execPath, [CLI, 'mock-app', '--host', hub.url, '--spaces', reference, '--token', token])
  await app.line(/Registration successful!/)
  const request = await owner.submit(reference, { prompt: 'for my eyes only' }, { waitSeconds: 20 })
  const stranger = unique('stranger')
  await signUp(hub.url, stranger)
  await signIn(page, stranger, 'their-own-password')
  for (const path of [`/spaces/${reference}`, `/spaces/${reference}/edit`, `/spaces/${reference}/connect`, `/requests/${request.id}`]) {
    await page.goto(path)
    await expect(page.getByRole('heading').first()).toBeVisible()
    await expect(page.getByText('for my eyes only')).toHaveCount(0)
    await expect(page.getByTestId('submit-request')).toHaveCount(0)
  }
  await page.goto('/admin')
  await expect(page.getByRole('tab')).toHaveCount(0)

  // Its owner opens it up: now the stranger may see it, and sees the app go with its token.
  await owner.updateSpace(reference, { visibility: 'public' })
  await page.goto(`/spaces/${reference}`)
  await expect(page.getByTestId('status-badge')).toHaveText(words.connected)
  const [issued] = await owner.listConnectTokens(`${space.owner}/${space.name}`)
  await owner.revokeConnectToken(issued?.id ?? '', reference)
  await expect(page.getByTestId('status-badge')).toHaveText(words.notConnected)
  expect(await app.exit()).not.toBe(0)
})
