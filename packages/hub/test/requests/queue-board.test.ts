import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Eta, type RequestId, TIMING } from '@websocket-spaces/protocol'
import type { Claim } from '../../src/requests/ports.ts'
import { eventually } from '../support/eventually.ts'
import { type FlowStage, setStage, type TestApp } from '../support/flow-stage.ts'

const JOB_SECONDS = 20

async function finishNext(stage: FlowStage, app: TestApp, count: number): Promise<void> {
  const id = await eventually(
    () => app.ids[count],
    (sent) => sent !== undefined,
  )
  if (id === undefined) throw new Error('unreachable')
  stage.ahead += JOB_SECONDS * 1_000
  await stage.flow.reports.result(app.connection, { request_id: id, status: 'completed', result: {} })
}

test('whoever waits is never told a time in which the next job does not count, between an end and the start that follows', async () => {
  await using stage = await setStage()
  const before = { ...stage.store }
  // As with a disk that takes its time.
  Object.assign(stage.store, { claim: (what: Claim) => sleep(20).then(() => before.claim(what)) })
  const app = stage.join({ concurrency: 1, prefetch: 0 })
  for (const index of [0, 1, 2]) {
    await stage.submit()
    await finishNext(stage, app, index)
  }
  await stage.submit()
  await stage.submit()
  const last = await stage.submit()
  // Long enough for the board to be at rest: what moves next is told soon.
  await sleep(2 * TIMING.positionsEvery)
  const told: { readonly waiting: readonly RequestId[]; readonly etas: readonly Eta[] }[] = []
  stage.bus.subscribe('queue', (message) => told.push(message))
  await finishNext(stage, app, 3)
  const alone = await eventually(
    () => told.filter(({ waiting }) => waiting.length === 1),
    (some) => some.length > 0,
  )
  for (const { waiting, etas } of alone) {
    expect(waiting).toEqual([last])
    expect(etas[0]?.low_seconds).toBeGreaterThan(1.9 * JOB_SECONDS - 2)
  }
  expect(await stage.flow.requests.view(last, stage.alice)).toMatchObject({ position: 1, eta: alone.at(-1)?.etas[0] })
})
