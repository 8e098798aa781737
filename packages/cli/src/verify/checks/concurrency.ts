import { mustBe, type Section } from '../checklist.ts'
import type { Stage } from '../stage.ts'

const ANIMALS = ['crane', 'otter', 'zebra'] as const

export const concurrency: Section<Stage> = {
  title: 'verify.section.concurrency',
  checks: [
    { title: 'verify.several_at_once', run: severalAtOnce },
    { title: 'verify.queued_in_order', run: queuedInOrder },
    { title: 'verify.all_processed', run: allProcessed },
    { title: 'verify.everyone_own', run: everyoneOwn },
  ],
}

/** Three tabs submit at once; the app has all three before it has finished the first. */
async function severalAtOnce(stage: Stage): Promise<void> {
  const app = stage.get('app')
  const viewer = stage.get('viewer')
  const prompts = ANIMALS.map((animal) => `Tell me about the ${animal}`)
  const tabs = []
  for (const _prompt of prompts) tabs.push(await viewer.open(stage.get('space')))
  for (const tab of tabs) await tab.shows(true)
  const from = app.lines.length
  const ids = await Promise.all(tabs.map((tab, index) => tab.submit(prompts[index] ?? '')))
  stage.put('several', { from, prompts, ids, tabs })
  for (const size of [1, 2, 3]) await app.line(new RegExp(`Queue size: ${size}$`), from)
  const lines = app.lines.slice(from)
  const received = lines.filter((line) => line.endsWith('[REQUEST] New inference request received')).length
  mustBe(received === 3 && !lines.some((line) => line.includes('Inference completed')), '3 × [REQUEST]', `${received} × [REQUEST]`)
}

/** One after the other, in the order they were accepted. */
async function queuedInOrder(stage: Stage): Promise<void> {
  const { ids, tabs } = stage.get('several')
  await Promise.all(tabs.map((tab, index) => tab.result(ids[index] ?? '')))
  const requests = await Promise.all(ids.map((id) => stage.get('admin').getRequest(id)))
  const byArrival = requests.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const starts = byArrival.map((request) => request.started_at ?? '')
  mustBe(starts.join() === starts.toSorted().join(), 'started in order', starts)
  for (const [index, request] of byArrival.entries()) {
    const before = byArrival[index - 1]
    if (before !== undefined)
      mustBe((request.started_at ?? '') >= (before.finished_at ?? '~'), 'one at a time', [before.finished_at, request.started_at])
  }
}

async function allProcessed(stage: Stage): Promise<void> {
  const { ids } = stage.get('several')
  for (const id of ids) {
    const { status } = await stage.get('admin').getRequest(id)
    mustBe(status === 'completed', 'completed', status)
  }
}

/** Each tab shows the answer to its own prompt and to no other. */
async function everyoneOwn(stage: Stage): Promise<void> {
  const { ids, tabs } = stage.get('several')
  for (const [index, tab] of tabs.entries()) {
    const shown = await tab.result(ids[index] ?? '')
    const named = ANIMALS.filter((animal) => shown.includes(animal))
    mustBe(named.join() === ANIMALS[index], String(ANIMALS[index]), named)
  }
}
