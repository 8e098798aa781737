/** The acceptance run in the browser: section 2, and the scenarios of section 3 that a page shows. */
import type { Page } from '@playwright/test'
import { shortId } from '@websocket-spaces/protocol'
import { expect, expectInOrder, expectNoReload, markDocument, setUpSpace, signIn, startMockApp, submitPrompt, test } from './fixtures.ts'
import type { Words } from './words.ts'

const STAMP = String.raw`^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] `

async function expectFigures(page: Page, words: Words): Promise<void> {
  const result = page.getByTestId('result')
  await expect(page.getByTestId('figure-processing-time')).toHaveText(/^\d+(\.\d+)? s$/)
  await expect(page.getByTestId('figure-confidence')).toHaveText('0.95')
  await expect(page.getByTestId('figure-model')).not.toBeEmpty()
  await expect(page.getByTestId('figure-tokens')).toHaveText(/^[\d,]+$/)
  await expect(page.getByTestId('output-text')).not.toBeEmpty()
  for (const label of [words.processingTime, words.confidence, words.model, words.tokens, words.outputText]) {
    await expect(result).toContainText(new RegExp(label, 'i'))
  }
}

test('section 2: a request goes from the page to the app and back, with no reload', async ({ page, hub, terminal, words }) => {
  const space = await setUpSpace(terminal, hub)
  // Long enough for the browser of a slow machine to draw its progress.
  const app = await startMockApp(terminal, hub, space, '--duration', '8')
  expectInOrder(app.lines, [
    /^=+$/,
    /^ {2}Mock WebSocket Inference App$/,
    new RegExp(`^ {2}Host: ${hub.url}$`),
    new RegExp(`^ {2}Space: ${space}$`),
    /^ {2}Verbose: True$/,
    new RegExp(`${STAMP}\\[INFO\\] Initializing connection to ${hub.url}$`),
    new RegExp(`${STAMP}\\[✓\\] Socket\\.IO connection established$`),
    new RegExp(`${STAMP}\\[INFO\\] Sent registration for space: ${space}$`),
    new RegExp(`${STAMP}\\[✓\\] Registration successful!$`),
  ])
  await app.line(/\[INFO\] Connection ID: \S+/)
  await app.line(/\[INFO\] Request processor started/)

  await signIn(page)
  await page.goto('/admin')
  await page.getByRole('tab', { name: words.spacesTab }).click()
  await expect(page.getByText(space).first()).toBeVisible()
  await page.goto('/')
  await page.getByTestId('space-card').filter({ hasText: space }).getByRole('link').first().click()
  await expect(page.getByTestId('status-badge')).toHaveText(words.connected)
  await expect(page.getByTestId('submit-request')).toHaveText(words.submit)
  await markDocument(page)

  const id = await submitPrompt(page, '写一首关于Python的诗')
  await expect(page.getByTestId('progress')).toHaveAttribute('aria-valuenow', /^(25|50|75)$/)
  await expect(page.getByTestId('result')).toBeVisible()
  await expectFigures(page, words)
  await expectNoReload(page)
  await app.line(/Result sent for request/)
  expectInOrder(app.lines, [
    new RegExp(`${STAMP}\\[REQUEST\\] New inference request received$`),
    new RegExp(`${STAMP}\\[DEBUG\\] Request ID: ${id}$`),
    new RegExp(`${STAMP}\\[DEBUG\\] Username: admin$`),
    new RegExp(`${STAMP}\\[INFO\\] Starting inference for request ${shortId(id)}\\.\\.\\.$`),
    /\[DEBUG\] Progress: 25%$/,
    /\[DEBUG\] Progress: 50%$/,
    /\[DEBUG\] Progress: 75%$/,
    new RegExp(`${STAMP}\\[✓\\] Inference completed for request ${shortId(id)} in \\d+\\.\\ds$`),
    new RegExp(`${STAMP}\\[RESULT\\] Result sent for request ${shortId(id)}$`),
  ])
  await expect(page.getByTestId('recent-requests')).toContainText('写一首关于Python的诗')
})

test('scenario 1: three tabs submit at once, each gets its own result', async ({ page, context, hub, terminal }) => {
  const space = await setUpSpace(terminal, hub)
  // Long enough for three tabs of a slow machine to submit while the first runs.
  const app = await startMockApp(terminal, hub, space, '--duration', '8')
  await signIn(page)
  const tabs = [page, await context.newPage(), await context.newPage()]
  await Promise.all(tabs.map((tab) => tab.goto(`/spaces/admin/${space}`)))
  const prompts = ['the first tab', '第二个标签页', 'the third tab']
  const ids = await Promise.all(tabs.map((tab, index) => submitPrompt(tab, prompts[index] ?? '')))
  expect(new Set(ids).size).toBe(3)
  for (const [index, tab] of tabs.entries()) {
    await expect(tab.getByTestId('result')).toBeVisible({ timeout: 60_000 })
    await expect(tab.getByTestId('output-text')).toContainText(prompts[index] ?? '')
    await expect(tab.getByTestId('request-id')).toHaveText(ids[index] ?? '')
  }
  await expect.poll(() => app.lines.filter((line) => line.includes('Result sent')).length).toBe(3)
  expectInOrder(app.lines, [
    /New inference request received/,
    /Queue size: 1/,
    /New inference request received/,
    /Queue size: 2/,
    /New inference request received/,
    /Queue size: 3/,
    /Inference completed/,
    /Result sent/,
    /Inference completed/,
    /Result sent/,
    /Inference completed/,
    /Result sent/,
  ])
})

test('scenario 2: the app goes away and comes back, the page follows by itself', async ({ page, hub, terminal, words }) => {
  const space = await setUpSpace(terminal, hub)
  const app = await startMockApp(terminal, hub, space)
  await signIn(page)
  await page.goto(`/spaces/admin/${space}`)
  const badge = page.getByTestId('status-badge')
  await expect(badge).toHaveText(words.connected)
  await markDocument(page)

  app.kill('SIGINT')
  await expect(badge).toHaveText(words.notConnected)
  await expect(page.getByTestId('prompt-input')).toBeDisabled()
  await expect(page.getByTestId('submit-request')).toBeDisabled()
  await app.exit()
  const forced = await page.evaluate(async (path) => {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"input":{"prompt":"x"}}',
    })
    return { status: response.status, text: await response.text() }
  }, `/api/v1/spaces/admin/${space}/requests`)
  expect(forced.status).toBe(503)
  expect(forced.text).toContain(words.appNotConnected)

  await startMockApp(terminal, hub, space)
  await expect(badge).toHaveText(words.connected)
  await expect(page.getByTestId('submit-request')).toBeEnabled()
  await submitPrompt(page, 'after the break')
  await expect(page.getByTestId('result')).toBeVisible()
  await expectNoReload(page)
})

test('a request is cancelled from the page, while waiting and while running', async ({ page, context, hub, terminal }) => {
  const space = await setUpSpace(terminal, hub)
  const app = await startMockApp(terminal, hub, space, '--duration', '24')
  await signIn(page)
  await page.goto(`/spaces/admin/${space}`)
  await submitPrompt(page, 'to be cancelled while running')
  await expect(page.getByTestId('progress')).toHaveAttribute('aria-valuenow', /\d/)
  const other = await context.newPage()
  await other.goto(`/spaces/admin/${space}`)
  await submitPrompt(other, 'to be cancelled while waiting')
  for (const tab of [other, page]) {
    await tab.getByTestId('cancel-request').click()
    await expect(tab.getByTestId('cancel-request')).toBeHidden()
    await expect(tab.getByTestId('result')).toHaveCount(0)
  }
  await submitPrompt(page, 'and the next one runs')
  await expect.poll(() => app.lines.filter((line) => line.includes('Starting inference')).length).toBe(2)
  expect(app.lines.filter((line) => line.includes('Result sent'))).toEqual([])
})
