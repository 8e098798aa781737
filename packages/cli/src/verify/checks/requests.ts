import { shortId } from '@websocket-spaces/protocol'
import { z } from 'zod'
import { mustBe, type Section } from '../checklist.ts'
import type { Stage } from '../stage.ts'

const figures = z.object({ text_output: z.string(), tokens_used: z.number() })
const PROMPT = '写一首关于Python的诗'

export const requests: Section<Stage> = {
  title: 'verify.section.function',
  checks: [
    { title: 'verify.request_submits', run: requestSubmits },
    { title: 'verify.app_receives', run: appReceives },
    { title: 'verify.app_returns', run: appReturns },
    { title: 'verify.page_shows', run: pageShows },
  ],
}

async function requestSubmits(stage: Stage): Promise<void> {
  const from = stage.get('app').lines.length
  const id = await stage.get('tab').submit(PROMPT)
  stage.put('request', { id, from })
  const { input } = await stage.get('admin').getRequest(id)
  mustBe(input.prompt === PROMPT, PROMPT, input.prompt)
}

async function appReceives(stage: Stage): Promise<void> {
  const { id, from } = stage.get('request')
  const app = stage.get('app')
  await app.line(/\[REQUEST\] New inference request received$/, from)
  await app.line(new RegExp(`\\[DEBUG\\] Request ID: ${id}$`), from)
}

async function appReturns(stage: Stage): Promise<void> {
  const { id, from } = stage.get('request')
  const app = stage.get('app')
  for (const percent of [25, 50, 75]) await app.line(new RegExp(`Progress: ${percent}%$`), from)
  await app.line(new RegExp(`\\[✓\\] Inference completed for request ${shortId(id)} in \\d+\\.\\d+s$`), from)
  await app.line(new RegExp(`\\[RESULT\\] Result sent for request ${shortId(id)}$`), from)
}

/** With the figures and the text, and no reload. */
async function pageShows(stage: Stage): Promise<void> {
  const { id } = stage.get('request')
  const shown = await stage.get('tab').result(id)
  const { status, result } = await stage.get('admin').getRequest(id)
  mustBe(status === 'completed', 'completed', status)
  const { text_output: text, tokens_used: tokens } = figures.parse(result)
  for (const figure of ['0.95', 'mock-model-v1', String(tokens), PROMPT, text.split('\n')[0] ?? '']) {
    mustBe(plain(shown).includes(plain(figure)), figure, shown)
  }
}

/** Without the spaces, quotes and escapes that a page, or JSON, puts in between. */
function plain(text: string): string {
  return text.replace(/[\s"\\]/g, '')
}
