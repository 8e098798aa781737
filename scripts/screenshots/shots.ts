import type { Page } from '@playwright/test'
import type { Gate } from './apps.ts'

export interface Shot {
  readonly name: string
  readonly locale: 'en-US' | 'zh-CN'
  readonly dark?: boolean
  readonly phone?: boolean
  readonly arrange: (page: Page, gate: Gate) => Promise<void>
}

export const SHOTS: readonly Shot[] = [
  { name: 'home-en', locale: 'en-US', arrange: gallery },
  { name: 'home-zh', locale: 'zh-CN', arrange: gallery },
  { name: 'home-dark-en', locale: 'en-US', dark: true, arrange: gallery },
  { name: 'space-idle-en', locale: 'en-US', arrange: idle },
  { name: 'space-idle-zh', locale: 'zh-CN', arrange: idle },
  { name: 'space-running-en', locale: 'en-US', arrange: running },
  { name: 'space-running-zh', locale: 'zh-CN', arrange: running },
  { name: 'space-done-en', locale: 'en-US', arrange: done },
  { name: 'space-done-zh', locale: 'zh-CN', arrange: done },
  { name: 'space-done-dark-zh', locale: 'zh-CN', dark: true, arrange: done },
  { name: 'space-done-phone-zh', locale: 'zh-CN', phone: true, arrange: done },
  { name: 'space-disconnected-en', locale: 'en-US', arrange: away },
  { name: 'space-disconnected-zh', locale: 'zh-CN', arrange: away },
  { name: 'admin-en', locale: 'en-US', arrange: admin },
  { name: 'admin-zh', locale: 'zh-CN', arrange: admin },
]

async function gallery(page: Page): Promise<void> {
  await page.goto('/')
  await page.getByTestId('space-card').first().waitFor()
}

async function idle(page: Page): Promise<void> {
  await page.goto('/spaces/admin/ocr-demo')
  await page.getByTestId('prompt-input').and(page.locator(':enabled')).waitFor()
}

async function running(page: Page, gate: Gate): Promise<void> {
  gate.close()
  await submitPoem(page)
  await page.getByTestId('progress').and(page.locator('[aria-valuenow="33"]')).waitFor()
  await page.getByTestId('output-text').getByText('一行生万物').waitFor()
}

async function done(page: Page): Promise<void> {
  await submitPoem(page)
  await page.getByTestId('figure-model').waitFor()
}

async function submitPoem(page: Page): Promise<void> {
  await page.goto('/spaces/admin/poems')
  await page.getByTestId('prompt-input').fill('写一首关于Python的诗')
  await page.getByTestId('submit-request').click()
}

async function away(page: Page): Promise<void> {
  await page.goto('/spaces/admin/night-radio')
  await page.getByTestId('status-badge').waitFor()
}

async function admin(page: Page): Promise<void> {
  await page.goto('/admin')
  // Overview, spaces, users, connections, registration.
  await page.getByRole('tab').nth(3).click()
  await page.getByText('gpu-box').first().waitFor()
}
