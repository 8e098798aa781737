import type { FastifyBaseLogger } from 'fastify'

const METHODS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent', 'child'] as const

type Bindings = Readonly<Record<string, unknown>>

/** Makes its child when something is first logged by it. All it has is on the prototype: Fastify asks each request's logger for all its methods. */
class LateLog {
  readonly #log: FastifyBaseLogger
  readonly #bindings: Bindings
  #child: FastifyBaseLogger | undefined

  constructor(log: FastifyBaseLogger, bindings: Bindings) {
    this.#log = log
    this.#bindings = bindings
  }

  get level(): FastifyBaseLogger['level'] {
    return this.#log.level
  }

  get own(): FastifyBaseLogger {
    return (this.#child ??= this.#log.child(this.#bindings))
  }
}

for (const method of METHODS) {
  Object.defineProperty(LateLog.prototype, method, {
    value(this: LateLog, ...args: unknown[]): unknown {
      return Reflect.apply(this.own[method], this.own, args)
    },
  })
}

/** A logger for one request, which is named in its lines. Most requests log nothing but their answer. */
export function requestLog(log: FastifyBaseLogger, bindings: Bindings): FastifyBaseLogger {
  return new LateLog(log, bindings) as LateLog & FastifyBaseLogger
}
