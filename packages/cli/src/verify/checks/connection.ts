import { SpacesClient } from '@websocket-spaces/client'
import { errorMessage, LANGUAGES, SpacesError } from '@websocket-spaces/protocol'
import { mustBe, type Section } from '../checklist.ts'
import type { Stage } from '../stage.ts'
import { startMockApp } from './basics.ts'

export const connection: Section<Stage> = {
  title: 'verify.section.connection',
  checks: [
    { title: 'verify.status_leaves', run: statusLeaves },
    { title: 'verify.form_disabled', run: formDisabled },
    { title: 'verify.status_returns', run: statusReturns },
    { title: 'verify.new_requests', run: newRequests },
  ],
}

/** Ctrl+C in the app's terminal. */
async function statusLeaves(stage: Stage): Promise<void> {
  const tab = stage.get('tab')
  const status = await stage.get('app').interrupt()
  await tab.shows(false)
  mustBe(status === 0, 'exit 0', status)
}

/** A submit forced past the form is told why it is refused, in both languages. */
async function formDisabled(stage: Stage): Promise<void> {
  await stage.get('tab').formIs(false)
  const { token, id } = await stage.get('admin').createKey('spaces verify')
  try {
    for (const language of LANGUAGES) {
      const client = new SpacesClient({ host: stage.get('url'), apiKey: token, language })
      const refusal: unknown = await client.submit(stage.get('space'), { prompt: 'x' }).catch((error: unknown) => error)
      const expected = errorMessage('app_not_connected', language)
      mustBe(
        refusal instanceof SpacesError && refusal.code === 'app_not_connected' && refusal.message === expected,
        expected,
        String(refusal),
      )
    }
  } finally {
    await stage.get('admin').revokeKey(id)
  }
}

async function statusReturns(stage: Stage): Promise<void> {
  await startMockApp(stage)
  await stage.get('tab').shows(true)
  await stage.get('tab').formIs(true)
}

async function newRequests(stage: Stage): Promise<void> {
  const tab = await stage.get('viewer').open(stage.get('space'))
  await tab.shows(true)
  const id = await tab.submit('And once more: the heron')
  mustBe((await tab.result(id)).includes('heron'), 'heron', '')
}
