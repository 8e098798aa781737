/** What people see of a space whose app is away: it refuses them, or holds their requests until the app is back. */
import { DEFAULTS } from '@websocket-spaces/protocol'
import { makeSpace, signInAdmin } from '../harness/people.ts'
import { expect, signIn, startMockApp, submitPrompt, test } from './fixtures.ts'

test('a space set to hold takes requests while its app is away, and they run when it comes', async ({ page, hub, terminal, words }) => {
  const { reference, token } = await makeSpace(await signInAdmin(hub.url))
  await signIn(page)
  await page.goto(`/spaces/${reference}`)
  await expect(page.getByTestId('status-badge')).toHaveText(words.notConnected)
  await expect(page.getByTestId('submit-request')).toBeDisabled()
  await expect(page.getByTestId('prompt-input')).toBeDisabled()

  await page.goto(`/spaces/${reference}/edit`)
  await page.getByTestId('hold').selectOption('28800')
  await page.locator('main form button[type=submit]').click()
  await expect(page).not.toHaveURL(/edit/)
  await page.goto(`/spaces/${reference}`)
  await expect(page.getByTestId('status-badge')).toHaveText(words.notConnected)
  await expect(page.getByTestId('held-until')).toContainText('8')
  await submitPrompt(page, 'while the app is away')
  await expect(page.getByText(words.waitingForApp)).toBeVisible()

  await startMockApp(terminal, hub, reference, '--token', token)
  await expect(page.getByTestId('status-badge')).toHaveText(words.connected)
  await expect(page.getByTestId('output-text')).toContainText('while the app is away')
  await expect(page.getByTestId('held-until')).toHaveCount(0)
})

test('a time of one’s own is checked, kept and shown again', async ({ page, hub }) => {
  const admin = await signInAdmin(hub.url)
  const { reference } = await makeSpace(admin)
  await signIn(page)
  await page.goto(`/spaces/${reference}/edit`)
  await page.getByTestId('hold').selectOption('custom')
  const minutes = page.locator('main form input[max="10080"]')
  await minutes.fill('10081')
  await page.locator('main form button[type=submit]').click()
  await expect(minutes).toHaveAttribute('aria-invalid', 'true')
  await minutes.fill('45')
  await page.locator('main form button[type=submit]').click()
  await expect(page).not.toHaveURL(/edit/)
  expect(await admin.getSpace(reference)).toMatchObject({ hold_seconds: 2_700, max_attempts: DEFAULTS.maxAttempts })
  await page.goto(`/spaces/${reference}/edit`)
  await expect(page.getByTestId('hold')).toHaveValue('custom')
  await expect(minutes).toHaveValue('45')
})
