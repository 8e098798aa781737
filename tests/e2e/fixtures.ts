import { join } from 'node:path'
import { test as base, expect, type Page } from '@playwright/test'
import { type Child, startChild } from '../harness/child.ts'
import { ADMIN_PASSWORD, type HubProcess, startHubProcess } from '../harness/hub-process.ts'
import { unique } from '../harness/people.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { type Words, wordsOf } from './words.ts'

const CLI = join(import.meta.dirname, '../../packages/cli/src/main.ts')

/** One terminal: its `spaces` commands share a home of their own, so that a saved token is found again. */
export interface Terminal {
  /** Ended with the test, if it has not ended by itself. */
  run(command: string, ...args: readonly string[]): Child
}

interface TestFixtures {
  readonly words: Words
  readonly terminal: Terminal
}

interface WorkerFixtures {
  readonly hub: HubProcess
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  hub: [
    async ({}, use) => {
      await using hub = await startHubProcess()
      await use(hub)
    },
    { scope: 'worker' },
  ],
  baseURL: async ({ hub }, use) => use(hub.url),
  words: async ({}, use, info) => use(wordsOf(info.project.name)),
  terminal: async ({}, use) => {
    await using home = await makeTempDir()
    await using started = new AsyncDisposableStack()
    const env = { HOME: home.path, XDG_CONFIG_HOME: join(home.path, '.config'), LANG: 'C', LC_ALL: '', FORCE_COLOR: undefined }
    await use({ run: (command, ...args) => started.use(startChild(process.execPath, [CLI, command, ...args], { env })) })
  },
})

export { expect }

export async function signIn(page: Page, username = 'admin', password = ADMIN_PASSWORD): Promise<void> {
  await page.goto('/sign-in')
  await page.locator('input[name=username]').fill(username)
  await page.locator('input[name=password]').fill(password)
  await page.locator('input[name=password]').press('Enter')
  await expect(page).not.toHaveURL(/sign-in/)
}

/** Makes a space the way a newcomer does; returns its name. */
export async function setUpSpace(terminal: Terminal, hub: HubProcess, name = unique('TestSpace')): Promise<string> {
  const command = terminal.run('setup-space', '--host', hub.url, '--admin-pass', ADMIN_PASSWORD, '--name', name)
  await command.line(new RegExp(`^✓ Space created: ${name}$`))
  expect(await command.exit()).toBe(0)
  return name
}

/** Starts the mock app and waits until it serves the space. */
export async function startMockApp(terminal: Terminal, hub: HubProcess, space: string, ...args: readonly string[]): Promise<Child> {
  const app = terminal.run('mock-app', '--host', hub.url, '--spaces', space, '--verbose', ...args)
  await app.line(/Registration successful!/)
  return app
}

/** Types a prompt and submits it; returns the id the page shows. */
export async function submitPrompt(page: Page, prompt: string): Promise<string> {
  await page.getByTestId('prompt-input').fill(prompt)
  await page.getByTestId('submit-request').click()
  // Some tests restart the hub meanwhile, which takes its time on a busy machine.
  await expect(page.getByTestId('request-id')).toHaveText(/^[0-9a-f-]{8,}$/, { timeout: 45_000 })
  return page.getByTestId('request-id').innerText()
}

/** Marks the document, so that `expectNoReload` can tell whether it was replaced. */
export async function markDocument(page: Page): Promise<void> {
  await page
    .locator('html')
    .evaluate((element: { setAttribute(name: string, value: string): void }) => element.setAttribute('data-marked', 'yes'))
}

export async function expectNoReload(page: Page): Promise<void> {
  await expect(page.locator('html')).toHaveAttribute('data-marked', 'yes')
}

/** The patterns match lines in this order, each after the one before. */
export function expectInOrder(lines: readonly string[], patterns: readonly RegExp[]): void {
  let from = 0
  for (const pattern of patterns) {
    const found = lines.findIndex((line, index) => index >= from && pattern.test(line))
    expect(found, `${pattern} after line ${from} of\n${lines.join('\n')}`).toBeGreaterThanOrEqual(from)
    from = found + 1
  }
}
