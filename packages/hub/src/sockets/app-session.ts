import type { Logger } from 'pino'
import type { Socket } from 'socket.io'
import { v7 as uuid } from 'uuid'
import {
  APP_EVENTS,
  connectionId,
  type ErrorCode,
  errorMessage,
  drainMessage,
  type Goodbye,
  inferenceLog,
  inferenceOutput,
  inferenceProgress,
  inferenceResult,
  type RegisterResponse,
  renewMessage,
  type RenewMessage,
  type ReportRefused,
  SpacesError,
  TIMING,
} from '@websocket-spaces/protocol'
import { z } from 'zod'
import type { Services } from '../services.ts'
import type { AppLink, Connection, Departure } from '../spaces/connections.ts'
import type { StoredSpace } from '../spaces/ports.ts'
import { register, type Registration } from '../spaces/register.ts'
import { ackOf, toWireError } from './answer.ts'
import type { Heartbeat } from './heartbeat.ts'
import { Unread } from './unread.ts'

type State =
  | { readonly at: 'new'; readonly deadline: NodeJS.Timeout }
  | { readonly at: 'registering' }
  | { readonly at: 'registered'; readonly connection: Connection }
  | { readonly at: 'closed' }

const handshakeToken = z.string().min(1).max(256)
const AMBIGUOUS_HINT = 'Or name its owner too: "owner/name".'

/** One socket of an app: parses what comes, calls the use case, answers. Decides nothing itself. */
export class AppSession {
  readonly #socket: Socket
  readonly #services: Services
  readonly #heartbeat: Heartbeat
  readonly #log: Logger
  readonly #unread: Unread
  readonly #beat: () => void
  readonly #reports = new Map<string, (args: readonly unknown[]) => void>()
  #state: State
  /** Resolves when the first registration has its answer. */
  #answered: Promise<void> = Promise.resolve()
  /** The hub said goodbye; whether the app is to come back. */
  #parting: boolean | undefined

  constructor(socket: Socket, services: Services, heartbeat: Heartbeat) {
    this.#socket = socket
    this.#services = services
    this.#heartbeat = heartbeat
    this.#beat = () => heartbeat.beat(socket.id)
    this.#log = services.log.child({ socket: socket.id })
    this.#unread = new Unread(socket, {
      onFull: () => this.#log.warn('closing an app that does not read what it is told'),
      onCaughtUp: () => this.#caughtUp(),
    })
    this.#state = { at: 'new', deadline: setTimeout(() => this.#close('register_timeout', true), TIMING.registerWithin) }
  }

  listen(): void {
    const { reports, drainApp } = this.#services
    this.#socket.conn.on('packet', this.#beat)
    this.#socket.on(APP_EVENTS.register, (...args: unknown[]) => void this.#register(args))
    this.#onReport(APP_EVENTS.inferenceProgress, inferenceProgress, (connection, message) => reports.progress(connection, message))
    this.#onReport(APP_EVENTS.inferenceOutput, inferenceOutput, (connection, message) => reports.output(connection, message))
    this.#onReport(APP_EVENTS.inferenceLog, inferenceLog, (connection, message) => reports.log(connection, message))
    this.#onReport(APP_EVENTS.renew, renewMessage, (connection, message) => this.#renew(connection, message))
    this.#onReport(APP_EVENTS.drain, drainMessage, (connection) => drainApp(connection))
    this.#onReport(APP_EVENTS.inferenceResult, inferenceResult, (connection, message) => reports.result(connection, message))
    // Not `on`: Socket.IO drops events whose sender hung up in the same tick, and the last of them is often a result.
    this.#socket.use(([event, ...args], next) => {
      const take = this.#reports.get(event)
      if (take === undefined) next()
      else take(args)
    })
    this.#socket.on('disconnect', (reason) => this.#left(reason))
  }

  async #register(args: readonly unknown[]): Promise<void> {
    const respond = (response: RegisterResponse): void => {
      this.#socket.emit(APP_EVENTS.registerResponse, response)
      ackOf(args)?.(response)
    }
    if (this.#state.at !== 'new') {
      // In the order they were asked: an app takes the first answer for that to its first message.
      await this.#answered
      return respond(refusal(new SpacesError('already_registered'), this.#log))
    }
    clearTimeout(this.#state.deadline)
    this.#state = { at: 'registering' }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#answered = promise
    try {
      await this.#admit(args[0], respond)
    } catch (error) {
      const response = refusal(error, this.#log)
      this.#log.info({ code: response.code }, 'registration refused')
      respond(response)
      this.#end()
    } finally {
      resolve()
    }
  }

  async #admit(message: unknown, respond: (response: RegisterResponse) => void): Promise<void> {
    const { catalogStore: store, accounts, presence, resume, isStopping } = this.#services
    if (isStopping()) throw new SpacesError('shutting_down')
    const handshake = { token: this.#handshakeToken(), address: this.#address() }
    const { space, terms, named, checkAgain } = await register({ store, accounts }, message, handshake)
    const connection = this.#connectionTo(space, terms)
    await presence.tell(connection)
    const resumed = await resume.join(connection, named, space.deadlineSeconds).catch(async (error: unknown) => {
      await this.#gone(connection)
      throw error
    })
    // The socket may have closed while the store was asked.
    if (this.#state.at !== 'registering' || !this.#socket.connected) return await this.#gone(connection)
    respond({
      success: true,
      connection_id: connection.id,
      space_id: space.id,
      space: connection.space,
      message: `Successfully connected to space "${space.name}"`,
      resumed,
    })
    this.#joined(connection)
    void this.#checkAgain(connection, async () => {
      await resume.tellCanceled(resumed)
      await checkAgain()
    })
  }

  #connectionTo(space: StoredSpace, terms: Registration['terms']): Connection {
    return {
      ...terms,
      id: connectionId.parse(uuid()),
      spaceId: space.id,
      space: `${space.owner}/${space.name}`,
      address: this.#address(),
      connectedAt: Date.now(),
      link: this.#link(),
      held: new Map(),
      running: 0,
      offered: 0,
      state: 'connected',
      draining: false,
      failures: 0,
      restingUntil: 0,
    }
  }

  /** As if it had been registered for a moment: what it was just given is its own to come back for. */
  async #gone(connection: Connection): Promise<void> {
    const { connections } = this.#services
    connections.add(connection)
    connections.remove(connection, 'broke_off')
  }

  async #renew(connection: Connection, { leases }: RenewMessage): Promise<void> {
    for (const id of this.#services.resume.renew(connection, leases)) connection.link.cancel(id, 'lease_lost')
    return Promise.resolve()
  }

  #joined(connection: Connection): void {
    const { connections } = this.#services
    this.#state = { at: 'registered', connection }
    this.#heartbeat.watch(this.#socket.id, {
      onSilence: () => connections.setSilent(connection, true),
      onReturn: () => connections.setSilent(connection, false),
    })
    connections.add(connection)
  }

  /** What was revoked or deleted between the look at it and the connection being known found nothing to close. */
  async #checkAgain(connection: Connection, check: () => Promise<void>): Promise<void> {
    try {
      await check()
    } catch (error) {
      if (error instanceof SpacesError) connection.link.close(error.code, false)
      else this.#log.warn({ err: error }, 'could not look once more whether an app may stay')
    }
  }

  #onReport<T extends z.ZodType>(event: string, schema: T, report: (connection: Connection, message: z.output<T>) => Promise<void>): void {
    this.#reports.set(event, (args) => {
      const handled = this.#take(schema, args[0], report)
      handled.then(
        () => ackOf(args)?.({ ok: true }),
        (error: unknown) => this.#refuse(event, args, error),
      )
    })
  }

  async #take<T extends z.ZodType>(
    schema: T,
    raw: unknown,
    report: (connection: Connection, message: z.output<T>) => Promise<void>,
  ): Promise<void> {
    if (this.#state.at !== 'registered') throw new SpacesError('not_registered')
    await report(this.#state.connection, schema.parse(raw))
  }

  #refuse(event: string, args: readonly unknown[], cause: unknown): void {
    const error = toWireError(cause, this.#log)
    const request_id = requestIdOf(args[0])
    // A peer may send these as fast as it likes, also before it registered.
    this.#log.debug({ event, request: request_id, code: error.code }, 'report refused')
    const refused: ReportRefused = { request_id, event, ...error }
    this.#socket.emit(APP_EVENTS.reportRefused, refused)
    ackOf(args)?.({ ok: false, error })
  }

  #link(): AppLink {
    return {
      deliver: (request) => this.#unread.spare(() => this.#socket.emit(APP_EVENTS.inferenceRequest, request)),
      cancel: (request_id, reason) => void this.#socket.emit(APP_EVENTS.inferenceCancel, { request_id, reason }),
      close: (code, reconnect) => this.#close(code, reconnect),
      isBehind: () => this.#unread.isBehind,
      transport: () => this.#socket.conn.transport.name,
    }
  }

  /** Meanwhile it was handed nothing. */
  #caughtUp(): void {
    if (this.#state.at === 'registered') this.#services.bus.publish({ topic: 'waiting', spaceId: this.#state.connection.spaceId }, 'here')
  }

  #close(code: ErrorCode, reconnect: boolean): void {
    const message: Goodbye = { code, message: errorMessage(code), reconnect }
    this.#parting ??= reconnect
    this.#socket.emit(APP_EVENTS.goodbye, message)
    // Plain Socket.IO clients stay away for good after a disconnect packet, and come back when the transport ends.
    if (reconnect) this.#left('sent on')
    else this.#end()
  }

  /** Closes the transport after what was said has gone out. */
  #end(): void {
    this.#socket.disconnect(true)
  }

  #left(reason: string): void {
    const state = this.#state
    this.#state = { at: 'closed' }
    this.#heartbeat.forget(this.#socket.id)
    this.#socket.conn.off('packet', this.#beat)
    // Whoever only takes leave of the namespace would keep a connection that nobody watches.
    this.#socket.conn.close()
    if (state.at === 'new') clearTimeout(state.deadline)
    if (state.at !== 'registered') return
    this.#log.info({ connection: state.connection.id, space: state.connection.space, reason }, 'app left')
    this.#services.connections.remove(state.connection, this.#departure(reason))
  }

  #departure(reason: string): Departure {
    if (this.#parting !== undefined) return this.#parting ? 'sent_on' : 'left'
    // Any other end is not of the app's own will: its machine or the network failed, or it was killed.
    return reason === 'client namespace disconnect' ? 'left' : 'broke_off'
  }

  /** Where the app connects from, by the word of the operator's proxy if there is one. */
  #address(): string {
    const { address, headers } = this.#socket.handshake
    const forwarded = this.#services.config.trustProxy ? String(headers['x-forwarded-for'] ?? '') : ''
    return forwarded.split(',').at(-1)?.trim().slice(0, 64) || address
  }

  #handshakeToken(): string | undefined {
    const { auth, query } = this.#socket.handshake
    const given = [auth['token'], query['token']].map((value) => handshakeToken.safeParse(value))
    return given.find((parsed) => parsed.success)?.data
  }
}

function refusal(error: unknown, log: Logger): Extract<RegisterResponse, { success: false }> {
  const { code, message } = toWireError(error, log)
  return { success: false, message, code, ...(code === 'space_ambiguous' ? { hint: AMBIGUOUS_HINT } : {}) }
}

function requestIdOf(raw: unknown): string | null {
  if (typeof raw !== 'object' || raw === null || !('request_id' in raw)) return null
  return typeof raw.request_id === 'string' ? raw.request_id.slice(0, 64) : null
}
