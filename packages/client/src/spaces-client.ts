import {
  createdInvite,
  createdSecret,
  hubInfo,
  me,
  requestPage,
  requestView,
  secretList,
  space,
  spacePage,
  SpacesError,
  userPage,
  userView,
  type createSpaceBody,
  type CreatedSecret,
  type FollowItem,
  type HubInfo,
  type Language,
  type ListSpacesQuery,
  type Me,
  type RequestInput,
  type RequestPage,
  type RequestView,
  type SecretView,
  type Space,
  type SpacePage,
  type UpdateSpaceBody,
  type UpdateUserBody,
  type UserPage,
  type UserView,
} from '@websocket-spaces/protocol'
import type { z } from 'zod'
import { followRequest, type FollowOptions } from './http/follow-request.ts'
import { createHubHttp, type HubHttp } from './http/hub-http.ts'
import { spacePath } from './http/space-path.ts'
import { submitRequest, type SubmitOptions } from './http/submit-request.ts'
import { parseHubAddress } from './hub-address.ts'

export interface SpacesClientOptions {
  /** The hub's address, e.g. `http://localhost:5001`. */
  readonly host: string
  /** `wsk_…`; without it, sign in. */
  readonly apiKey?: string | undefined
  /** Language of the hub's error messages; English by default. */
  readonly language?: Language | undefined
  /** Milliseconds until a call is given up; 30 s by default. */
  readonly timeoutMs?: number | undefined
}

export interface ListRequestsOptions {
  /** Only requests of this space, `owner/name`. */
  readonly space?: string
  readonly cursor?: string | undefined
  readonly limit?: number
  /** `false` asks for everyone's requests of the space; its owner and admins only. */
  readonly mine?: boolean
}

/**
 * A program's or a person's way to the hub's HTTP API.
 * Every call throws SpacesError when the hub refuses and HubUnreachable when no hub answers.
 */
export class SpacesClient {
  readonly #http: HubHttp

  constructor(options: SpacesClientOptions) {
    const { host, ...rest } = options
    this.#http = createHubHttp({ origin: parseHubAddress(host).origin, ...rest })
  }

  /** The hub's address: scheme, host and port. */
  get origin(): string {
    return this.#http.origin
  }

  /** What the signed-in session sends as `Cookie`, for a live socket of the same user. */
  get sessionCookie(): string | undefined {
    return this.#http.cookieHeader()
  }

  /** The session stays in memory and ends with `signOut` or this object. */
  async signIn(username: string, password: string): Promise<Me> {
    this.#http.forgetCookies()
    await this.#http.done('POST', '/api/auth/sign-in/username', { body: { username, password } })
    return this.me()
  }

  /** Registers a new user, who is then signed in. */
  async signUp(username: string, password: string, invite?: string): Promise<Me> {
    this.#http.forgetCookies()
    const body = { username, password, ...(invite === undefined ? {} : { invite }) }
    await this.#http.done('POST', '/api/auth/sign-up/email', { body })
    return this.#http.cookieHeader() === undefined ? this.signIn(username, password) : this.me()
  }

  async signOut(): Promise<void> {
    await this.#http.done('POST', '/api/auth/sign-out', { body: {} })
    this.#http.forgetCookies()
  }

  /** What the hub tells anyone. */
  info(): Promise<HubInfo> {
    return this.#http.json('GET', '/api/v1/info', hubInfo)
  }

  me(): Promise<Me> {
    return this.#http.json('GET', '/api/v1/me', me)
  }

  createSpace(body: z.input<typeof createSpaceBody>): Promise<Space> {
    return this.#http.json('POST', '/api/v1/spaces', space, { body })
  }

  /** @param reference `owner/name` */
  getSpace(reference: string): Promise<Space> {
    return this.#http.json('GET', spacePath(reference), space)
  }

  listSpaces(query: ListSpacesQuery = {}): Promise<SpacePage> {
    const { limit, ...rest } = query
    return this.#http.json('GET', '/api/v1/spaces', spacePage, {
      query: { ...rest, limit: limit === undefined ? undefined : Number(limit) },
    })
  }

  /**
   * `owner/name`, or a bare name that only one visible space has.
   * @throws SpacesError `space_not_found`, `space_ambiguous`
   */
  async findSpace(reference: string): Promise<Space> {
    if (reference.includes('/')) return this.getSpace(reference)
    const { spaces } = await this.listSpaces({ search: reference, limit: 100 })
    const named = spaces.filter((candidate) => candidate.name === reference)
    const [only] = named
    if (only === undefined) throw new SpacesError('space_not_found', { name: reference })
    if (named.length > 1) throw new SpacesError('space_ambiguous', { name: reference })
    return only
  }

  updateSpace(reference: string, body: UpdateSpaceBody): Promise<Space> {
    return this.#http.json('PATCH', spacePath(reference), space, { body })
  }

  deleteSpace(reference: string): Promise<void> {
    return this.#http.done('DELETE', spacePath(reference))
  }

  /** A connect token for one space (`owner/name`), or for all spaces of the signed-in user. Shown this once. */
  createConnectToken(name: string, spaceReference?: string): Promise<CreatedSecret> {
    return this.#http.json('POST', tokensPath(spaceReference), createdSecret, { body: { name } })
  }

  async listConnectTokens(spaceReference?: string): Promise<SecretView[]> {
    return (await this.#http.json('GET', tokensPath(spaceReference), secretList)).items
  }

  /** Drops the connections that registered with it at once. */
  revokeConnectToken(id: string, spaceReference?: string): Promise<void> {
    return this.#http.done('DELETE', `${tokensPath(spaceReference)}/${encodeURIComponent(id)}`)
  }

  /** An API key of the signed-in user. Shown this once. */
  createKey(name: string): Promise<CreatedSecret> {
    return this.#http.json('POST', '/api/v1/keys', createdSecret, { body: { name } })
  }

  async listKeys(): Promise<SecretView[]> {
    return (await this.#http.json('GET', '/api/v1/keys', secretList)).items
  }

  revokeKey(id: string): Promise<void> {
    return this.#http.done('DELETE', `/api/v1/keys/${encodeURIComponent(id)}`)
  }

  /**
   * Accepted and stored when this returns; sent again under one key while the answer is lost, so that it is one request.
   * @param reference `owner/name`
   */
  submit(reference: string, input: RequestInput, options?: SubmitOptions): Promise<RequestView> {
    return submitRequest(this.#http, reference, input, options)
  }

  getRequest(id: string): Promise<RequestView> {
    return this.#http.json('GET', requestPath(id), requestView)
  }

  /** Newest first: mine everywhere, or those of one space. */
  listRequests(options: ListRequestsOptions = {}): Promise<RequestPage> {
    const { space: reference, ...query } = options
    const path = reference === undefined ? '/api/v1/requests' : `${spacePath(reference)}/requests`
    return this.#http.json('GET', path, requestPage, { query })
  }

  cancel(id: string): Promise<RequestView> {
    return this.#http.json('POST', `${requestPath(id)}/cancel`, requestView, { body: {} })
  }

  /** Users whose name contains the text; admins only. */
  listUsers(search: string): Promise<UserPage> {
    return this.#http.json('GET', '/api/v1/admin/users', userPage, { query: { search } })
  }

  /** Admins only. */
  updateUser(id: string, body: UpdateUserBody): Promise<UserView> {
    return this.#http.json('PATCH', `/api/v1/admin/users/${encodeURIComponent(id)}`, userView, { body })
  }

  /** An invite code to register with, good for one person; admins only. */
  async createInvite(note: string): Promise<string> {
    return (await this.#http.json('POST', '/api/v1/admin/invites', createdInvite, { body: { note, uses: 1, expires_in_days: 1 } })).code
  }

  /** A request's events after a cursor, then live, up to its result; survives lost connections. */
  follow(id: string, options: FollowOptions = {}): AsyncIterable<FollowItem> {
    return followRequest(this.#http, id, options)
  }
}

function requestPath(id: string): string {
  return `/api/v1/requests/${encodeURIComponent(id)}`
}

function tokensPath(reference: string | undefined): string {
  return reference === undefined ? '/api/v1/tokens' : `${spacePath(reference)}/tokens`
}
