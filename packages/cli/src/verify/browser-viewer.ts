import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { chromium, errors, type BrowserContext, type Locator, type Page } from 'playwright-core'
import type { Language } from '@websocket-spaces/protocol'
import { CommandFailure } from '../command-failure.ts'
import { notWithin } from './checklist.ts'
import { RESULT_WITHIN_MS, SHOWN_WITHIN_MS, type SpaceTab, type Viewer } from './space-tab.ts'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const OPENED_WITHIN_MS = 20_000
/** What the page must say, to the letter. */
const BADGE: Record<Language, { readonly connected: string; readonly away: string }> = {
  en: { connected: '✓ Connected', away: '✗ Not Connected' },
  zh: { connected: '✓ 已连接', away: '✗ 未连接' },
}

/** The path of a browser on this machine, if there is one. */
export async function findBrowser(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const path of [env['CHROME_PATH'], ...PLACES]) {
    if (path === undefined || path === '') continue
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (usable) return path
  }
  return undefined
}

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** Signs in through the page's own form, in a real browser. */
export async function openBrowser(path: string, url: string, language: Language, credentials: Credentials): Promise<Viewer> {
  // Chromium's sandbox refuses to start as root.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath: path, args: [...QUIET, ...sandbox] })
  try {
    const context = await browser.newContext({ locale: language === 'zh' ? 'zh-CN' : 'en-US', baseURL: url })
    context.setDefaultTimeout(OPENED_WITHIN_MS)
    await signIn(context, credentials)
    return {
      kind: 'browser',
      open: (reference) => openTab(context, reference, language),
      [Symbol.asyncDispose]: () => browser.close(),
    }
  } catch (error) {
    await browser.close()
    throw error
  }
}

async function signIn(context: BrowserContext, { username, password }: Credentials): Promise<void> {
  const page = await context.newPage()
  await page.goto('/sign-in')
  await inTime(OPENED_WITHIN_MS, '/sign-in', page.locator('input[name=username]').fill(username))
  await page.locator('input[name=password]').fill(password)
  await page.locator('input[name=password]').press('Enter')
  await inTime(
    OPENED_WITHIN_MS,
    '/sign-in',
    page.waitForURL((address) => address.pathname !== '/sign-in'),
  )
  await page.close()
}

async function openTab(context: BrowserContext, reference: string, language: Language): Promise<SpaceTab> {
  const page = await context.newPage()
  await page.goto(`/spaces/${reference.split('/').map(encodeURIComponent).join('/')}`)
  const badge = page.getByTestId('status-badge')
  await inTime(OPENED_WITHIN_MS, 'status-badge', badge.waitFor())
  const reloaded = watchReloads(page)
  return {
    async shows(connected) {
      await seen(badge.filter({ hasText: connected ? BADGE[language].connected : BADGE[language].away }), SHOWN_WITHIN_MS, badge)
      reloaded()
    },
    async formIs(enabled) {
      const state = enabled ? ':enabled' : ':disabled'
      for (const id of ['prompt-input', 'submit-request']) await seen(page.locator(`[data-testid=${id}]${state}`), SHOWN_WITHIN_MS)
    },
    async submit(prompt) {
      await page.getByTestId('prompt-input').fill(prompt)
      await page.getByTestId('submit-request').click()
      return inTime(OPENED_WITHIN_MS, 'request-id', page.getByTestId('request-id').innerText())
    },
    async result() {
      const result = page.getByTestId('result')
      await seen(result, RESULT_WITHIN_MS)
      reloaded()
      return result.innerText()
    },
  }
}

/** Everything must appear without a reload: returns a function that throws when there was one. */
function watchReloads(page: Page): () => void {
  let loads = 0
  page.on('load', () => (loads += 1))
  return () => {
    if (loads > 0) throw new CommandFailure('verify.reloaded')
  }
}

/** @param instead what to quote when it does not appear */
async function seen(locator: Locator, within: number, instead?: Locator): Promise<void> {
  await inTime(within, () => instead?.innerText({ timeout: 1_000 }).catch(() => ''), locator.waitFor({ timeout: within }))
}

async function inTime<T>(within: number, seen: string | (() => Promise<string> | undefined), waiting: Promise<T>): Promise<T> {
  try {
    return await waiting
  } catch (error) {
    if (!(error instanceof errors.TimeoutError)) throw error
    throw notWithin(within, typeof seen === 'string' ? seen : ((await seen()) ?? ''))
  }
}
