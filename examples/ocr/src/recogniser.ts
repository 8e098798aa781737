import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createWorker, OEM, type Worker } from 'tesseract.js'
import { z } from 'zod'
import { Problem } from './problem.ts'

const require = createRequire(import.meta.url)
const { version } = z.object({ version: z.string() }).parse(require('tesseract.js/package.json'))

export const MODEL = `tesseract.js ${version} (eng)`

/** The language model comes with its package, so nothing is downloaded. */
const LANGUAGE_FOLDER = join(dirname(require.resolve('@tesseract.js-data/eng/package.json')), '4.0.0_best_int')

export interface Recognised {
  readonly text: string
  /** 0 … 1 */
  readonly confidence: number
}

export interface Recogniser {
  /** Reads one image at a time per recogniser. `onProgress` gets 0 … 1. Aborting ends the work at once. */
  recognise(image: Buffer, onProgress: (progress: number) => void, signal: AbortSignal): Promise<Recognised>
  close(): Promise<void>
}

/** Keeps one tesseract worker for all images; it is replaced only when a cancelled or crashed one had to be ended. */
export function createRecogniser(): Recogniser {
  let report: (progress: number) => void = ignore

  function start(): Promise<Worker> {
    return createWorker('eng', OEM.LSTM_ONLY, {
      langPath: LANGUAGE_FOLDER,
      cacheMethod: 'none',
      gzip: true,
      logger: ({ status, progress }) => {
        if (status === 'recognizing text') report(progress)
      },
      // Without a handler tesseract.js throws outside of any promise; the call itself rejects as well.
      errorHandler: ignore,
    })
  }

  // Started now, so that the first person does not wait for it; a failure shows when it is needed.
  let current: Promise<Worker> | undefined = start()
  current.catch(ignore)

  async function end(): Promise<void> {
    const ending = current
    current = undefined
    const worker = await ending?.catch(() => undefined)
    await worker?.terminate()
  }

  async function recognise(image: Buffer, onProgress: (progress: number) => void, signal: AbortSignal): Promise<Recognised> {
    signal.throwIfAborted()
    current ??= start()
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    function abort(): void {
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    report = onProgress
    try {
      const worker = await Promise.race([current, aborted])
      const { data } = await Promise.race([worker.recognize(image), aborted])
      return { text: data.text.trim(), confidence: data.confidence / 100 }
    } catch (error) {
      // The thread may be in the middle of the image or out of memory: a new one is the only way to a known state.
      await end()
      signal.throwIfAborted()
      throw new Problem('The image could not be decoded; it may be damaged', '图片无法解码，文件可能已损坏', { cause: error })
    } finally {
      report = ignore
      signal.removeEventListener('abort', abort)
    }
  }

  return { recognise, close: end }
}

function ignore(): void {}
