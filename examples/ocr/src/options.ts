import { parseArgs } from 'node:util'

export interface Options {
  readonly host: string
  readonly space: string
  readonly token: string | undefined
  readonly instance: string | undefined
  readonly concurrency: number
  readonly allowPrivateHosts: boolean
}

export const USAGE = `Reads the text of images for a space.

  node examples/ocr/src/main.ts --host http://localhost:5001 --space admin/ocr-demo --token wst_…

  --host URL              address of the hub
  --space NAME            space to serve: name or owner/name
  --token TOKEN           connect token (or environment variable WSS_TOKEN, which other users of the machine cannot see)
  --instance NAME         what this machine is called on pages (its host name)
  --concurrency N         images read at the same time, 1–16 (1)
  --allow-private-hosts   also fetch images from private and loopback addresses`

/** @throws Error with a sentence for the terminal. */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      host: { type: 'string' },
      space: { type: 'string' },
      token: { type: 'string' },
      instance: { type: 'string' },
      concurrency: { type: 'string', default: '1' },
      'allow-private-hosts': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  if (values.host === undefined || values.space === undefined) throw new Error('--host and --space are needed · 需要 --host 和 --space')
  const concurrency = Number(values.concurrency)
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 16)
    throw new Error('--concurrency takes 1 to 16 · --concurrency 的取值为 1 到 16')
  return {
    host: values.host,
    space: values.space,
    token: values.token ?? env['WSS_TOKEN'],
    instance: values.instance,
    concurrency,
    allowPrivateHosts: values['allow-private-hosts'],
  }
}
