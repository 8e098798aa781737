import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

/** The hubs of the tests serve a copy of the page, so that a build in the meantime does not change it under them. */
export default async function copyPage(): Promise<void> {
  const copy = join(ROOT, 'test-results', 'page')
  await rm(copy, { recursive: true, force: true })
  await cp(join(ROOT, 'packages', 'web', 'build'), copy, { recursive: true })
  process.env['WEB_DIR'] = copy
}
