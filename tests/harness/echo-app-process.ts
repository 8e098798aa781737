import { join } from 'node:path'
import { type Child, startChild } from './child.ts'
import type { OwnedSpace } from './people.ts'

const MAIN = join(import.meta.dirname, 'echo-app.ts')

/** Resolves once it is registered. */
export async function startEchoApp(url: string, { reference, token }: OwnedSpace, instance = 'echo'): Promise<Child> {
  const child = startChild(process.execPath, [MAIN, '--host', url, '--space', reference, '--instance', instance], {
    env: { WSS_TOKEN: token },
  })
  await child.line(/^registered/)
  return child
}
