import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StartupError } from '../startup-error.ts'

/** The trimmed text of a file, or null when there is none. */
export async function readSecretFile(path: string): Promise<string | null> {
  try {
    const text = (await readFile(path, 'utf8')).trim()
    await chmod(path, 0o600)
    return text
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw explain(error, path)
  }
}

/** Writes a file only its owner can read. It is on the disk, whole, before this returns. Throws {@link StartupError}. */
export async function writeSecretFile(path: string, text: string): Promise<void> {
  const unfinished = `${path}.new`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await rm(unfinished, { force: true })
    await using file = await open(unfinished, 'wx', 0o600)
    await file.writeFile(`${text}\n`)
    await file.sync()
    await rename(unfinished, path)
    await using directory = await open(dirname(path))
    await directory.sync()
  } catch (error) {
    throw explain(error, path)
  }
}

function explain(error: unknown, path: string): StartupError {
  if (codeOf(error) === 'ENOSPC') return new StartupError('disk_full', { path }, { cause: error })
  const problem = error instanceof Error ? error.message : String(error)
  return new StartupError('data_dir_unwritable', { path: dirname(path), problem }, { cause: error })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
