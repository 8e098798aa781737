import { join } from 'node:path'
import { type Child, type ChildOptions, startChild } from './child.ts'
import type { OwnedSpace } from './people.ts'

const MAIN = join(import.meta.dirname, 'echo-app.ts')

/** Resolves once it is registered. */
export async function startEchoApp(url: string, owned: OwnedSpace, instance = 'echo'): Promise<Child> {
  const child = runEchoApp(url, owned, {}, instance)
  await child.line(/^registered/)
  return child
}

export function runEchoApp(url: string, { reference, token }: OwnedSpace, options: ChildOptions = {}, instance = 'echo'): Child {
  const args = [MAIN, '--host', url, '--space', reference, '--instance', instance]
  return startChild(process.execPath, args, { ...options, env: { WSS_TOKEN: token } })
}
