import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import type { SpacesClient } from '@websocket-spaces/client'
import type { RequestView, Space } from '@websocket-spaces/protocol'
import type { Child } from '../harness/child.ts'
import { startEchoApp } from '../harness/echo-app-process.ts'
import { eventually } from '../harness/eventually.ts'
import { type HubProcess, startHubProcess } from '../harness/hub-process.ts'
import { makeSpace, type OwnedSpace, signUp, unique } from '../harness/people.ts'

/** Somebody with a private space and requests, finished and running, that nobody else may see or touch. */
export interface Stage extends AsyncDisposable {
  readonly hub: HubProcess
  readonly victim: SpacesClient
  readonly vault: OwnedSpace
  readonly vaultApp: Child
  readonly finishedRequest: RequestView
  readonly runningRequest: RequestView
  /** Ids a stranger may have guessed or overheard. */
  readonly overheard: readonly string[]
  /** Occurs in everything that is the victim's; must not occur in anything a stranger gets. */
  readonly marker: string
  readonly stranger: SpacesClient
  readonly strangerKey: string
  readonly strangerSpace: OwnedSpace
  /** The hub lives, and all of the victim's is as it was. Call last. */
  expectUntouched(): Promise<void>
}

export async function setStage(): Promise<Stage> {
  const hub = await startHubProcess()
  const marker = `marker-${randomUUID()}`
  const victim = await signUp(hub.url, unique('victim'))
  const vault = await makeSpace(victim, { name: unique('vault'), description: marker, visibility: 'private', tags: [marker.slice(0, 20)] })
  const vaultApp = await startEchoApp(hub.url, vault)
  const finishedRequest = await victim.submit(vault.reference, { prompt: `finished ${marker}` }, { waitSeconds: 20 })
  const runningRequest = await victim.submit(vault.reference, { prompt: `hold ${marker}` })
  await vaultApp.line(new RegExp(`^started ${runningRequest.id}`))
  const key = await victim.createKey(marker)
  const before = await facts()

  const strangerSession = await signUp(hub.url, unique('stranger'))
  const strangerKey = (await strangerSession.createKey('fuzz')).token
  const stranger = strangerSession
  const strangerSpace = await makeSpace(stranger)
  const [tokenId] = (await victim.listConnectTokens(vault.reference)).map((token) => token.id)

  async function facts(): Promise<{ space: Omit<Space, 'status'>; finished: RequestView; keys: string[]; tokens: string[] }> {
    const { status: _, ...space } = await victim.getSpace(vault.reference)
    const keys = (await victim.listKeys()).map(({ id }) => id)
    const tokens = (await victim.listConnectTokens(vault.reference)).map(({ id }) => id)
    return { space, finished: await victim.getRequest(finishedRequest.id), keys, tokens }
  }

  async function expectUntouched(): Promise<void> {
    expect(await facts()).toEqual(before)
    expect(await victim.getRequest(runningRequest.id)).toMatchObject({ status: 'processing', attempts: 1 })
    vaultApp.write('go\n')
    const done = await eventually(
      () => victim.getRequest(runningRequest.id),
      (view) => view.finished_at !== null,
    )
    expect(done).toMatchObject({ status: 'completed', result: { text_output: `hold ${marker}` } })
    expect((await fetch(`${hub.url}/readyz`)).status).toBe(200)
    expect(hub.child.lines.filter((line) => /unhandled|uncaught|"level":(50|60)/i.test(line))).toEqual([])
  }

  return {
    hub,
    victim,
    vault,
    vaultApp,
    finishedRequest,
    runningRequest,
    overheard: [finishedRequest.id, runningRequest.id, vault.space.id, key.id, tokenId ?? '', (await victim.me()).id],
    marker,
    stranger,
    strangerKey,
    strangerSpace,
    expectUntouched,
    async [Symbol.asyncDispose]() {
      await vaultApp[Symbol.asyncDispose]()
      await hub[Symbol.asyncDispose]()
    },
  }
}
