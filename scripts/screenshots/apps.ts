import { setTimeout as sleep } from 'node:timers/promises'
import { type ServedSpace, serveSpace } from '@websocket-spaces/client'

const POEM = ['缩进如诗行，冒号引长廊；', '一行生万物，列表推八方。', '', 'import 一片月，return 满庭霜。', '蛇行天地阔，代码自芬芳。']

/** Where the poem app stops in the middle, so that a running request can be pictured. */
export interface Gate {
  close(): void
  open(): void
  passed(): Promise<void>
}

export function createGate(): Gate {
  let current = Promise.withResolvers<void>()
  current.resolve()
  return {
    close: () => (current = Promise.withResolvers<void>()),
    open: () => current.resolve(),
    passed: () => current.promise,
  }
}

/** Recites a poem it knows: the pictures show the page, not a model. */
export function servePoems(host: string, token: string, gate: Gate): ServedSpace {
  return serveSpace({
    host,
    token,
    space: 'admin/poems',
    instance: 'gpu-box',
    async onRequest(_, context) {
      const started = performance.now()
      for (const [index, line] of POEM.entries()) {
        context.progress((index + 1) / (POEM.length + 1), 'composing · 正在创作')
        context.output(`${line}\n`)
        if (index === 1) await gate.passed()
        await sleep(300)
      }
      const text = POEM.join('\n')
      const seconds = Math.round((performance.now() - started) / 100) / 10
      return {
        text_output: text,
        confidence: 1,
        model_used: 'scripted-poem',
        processing_time_seconds: seconds,
        tokens_used: text.length,
      }
    },
  })
}

export function serveQuietly(host: string, token: string, space: string): ServedSpace {
  return serveSpace({ host, token, space, instance: 'workstation', onRequest: (request) => ({ text_output: request.prompt }) })
}
