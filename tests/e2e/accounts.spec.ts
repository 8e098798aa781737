/** Who may do what: section 3, scenario 6, in the browser. */
import { SpacesClient } from '@websocket-spaces/client'
import { signInAdmin, unique } from '../harness/people.ts'
import { expect, signIn, test } from './fixtures.ts'

test('whoever is not signed in sees no space, no status and no result', async ({ page, hub, words }) => {
  const admin = await signInAdmin(hub.url)
  const name = unique('shown')
  await admin.createSpace({ name })
  await page.goto(`/spaces/admin/${name}`)
  await expect(page).toHaveURL(/sign-in/)
  await page.goto('/')
  await expect(page.getByTestId('space-card')).toHaveCount(0)
  await expect(page.getByRole('link', { name: words.signIn }).first()).toBeVisible()
  for (const path of [`/api/v1/spaces/admin/${name}`, '/api/v1/spaces', `/api/v1/spaces/admin/${name}/requests`]) {
    const response = await page.request.get(path)
    expect(response.status()).toBe(401)
  }
})

test('a newcomer registers, stays signed in, and sees public spaces but nobody’s private one', async ({ page, hub }) => {
  const admin = await signInAdmin(hub.url)
  const open = unique('open')
  const hidden = unique('hidden')
  await admin.createSpace({ name: open })
  await admin.createSpace({ name: hidden, visibility: 'private' })
  const username = unique('newcomer')
  await page.goto('/register')
  await page.locator('input[name=username]').fill(username)
  for (const field of await page.locator('input[type=password]').all()) await field.fill('a-long-enough-password')
  await page.locator('button[type=submit]').click()
  await expect(page).not.toHaveURL(/register/)
  await page.goto('/')
  await expect(page.getByTestId('space-card').filter({ hasText: open })).toBeVisible()
  await expect(page.getByTestId('space-card').filter({ hasText: hidden })).toHaveCount(0)
  await page.goto(`/spaces/admin/${hidden}`)
  await expect(page.getByTestId('prompt-input')).toHaveCount(0)
  await expect(page.getByTestId('status-badge')).toHaveCount(0)
  await page.reload()
  const client = new SpacesClient({ host: hub.url })
  expect(await client.signIn(username, 'a-long-enough-password')).toMatchObject({ username, role: 'user' })
})

test('a wrong password is told in the page’s language, and the right one still works', async ({ page }, info) => {
  await page.goto('/sign-in')
  await page.locator('input[name=username]').fill('admin')
  await page.locator('input[name=password]').fill('not-the-password')
  await page.locator('input[name=password]').press('Enter')
  await expect(page.getByText(info.project.name === 'zh' ? '用户名或密码错误' : 'Wrong username or password')).toBeVisible()
  await signIn(page)
  await expect(page.getByTestId('language-switch')).toBeVisible()
})

test('the language switches at once and is remembered', async ({ page }) => {
  await signIn(page)
  const before = await page.locator('html').getAttribute('lang')
  await page.getByTestId('language-switch').click()
  await expect(page.locator('html')).not.toHaveAttribute('lang', before ?? '')
  await page.reload()
  await expect(page.locator('html')).not.toHaveAttribute('lang', before ?? '')
  await page.getByTestId('language-switch').click()
  await expect(page.locator('html')).toHaveAttribute('lang', before ?? '')
})

test('the theme switches at once and is remembered', async ({ page }) => {
  await signIn(page)
  const dark = () => page.evaluate('getComputedStyle(document.body).colorScheme + getComputedStyle(document.body).backgroundColor')
  const before = await dark()
  await page.getByTestId('theme-switch').click()
  await page.getByRole('menuitemradio').last().click()
  await expect.poll(dark).not.toBe(before)
  const chosen = await dark()
  await page.reload()
  await expect(page.getByTestId('theme-switch')).toBeVisible()
  expect(await dark()).toBe(chosen)
})
