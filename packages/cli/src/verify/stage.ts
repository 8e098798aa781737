import { SpacesClient } from '@websocket-spaces/client'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cli } from '../cli.ts'
import { CommandFailure } from '../command-failure.ts'
import { signInAsAdmin, adminPassword, type AdminOptions } from '../hub-access.ts'
import type { MessageKey } from '../messages/en.ts'
import { findBrowser, openBrowser } from './browser-viewer.ts'
import { startCommand, type ChildCommand } from './child-command.ts'
import { openSockets } from './socket-viewer.ts'
import type { SpaceTab, Viewer } from './space-tab.ts'

export interface StageOptions extends AdminOptions {
  /** A running hub to check; without it one is started for the occasion. */
  readonly host?: string | undefined
  /** `false`: check the page without a browser. */
  readonly browser: boolean
}

/** A second person on the hub, to whom nothing of the first one belongs. */
export interface Guest {
  readonly client: SpacesClient
  readonly username: string
}

/** Settings of a person's own hub that must not reach the one we start. */
const NOT_PASSED_ON = [
  'HOST',
  'PORT',
  'ADMIN_PASSWORD',
  'PUBLIC_URL',
  'TRUST_PROXY',
  'DATABASE_URL',
  'REDIS_URL',
  'WSS_TOKEN',
  'SPACES_API_KEY',
  'LC_ALL',
  'LC_MESSAGES',
]
const GUEST_NAME = 'spaces-verify'

/** What the checks build up, one after the other, and what must be tidied up after them. */
export class Stage implements AsyncDisposable {
  readonly cli: Cli
  readonly options: StageOptions
  readonly #tidyUp = new AsyncDisposableStack()
  readonly #built = new Map<string, unknown>()
  home = ''

  constructor(cli: Cli, options: StageOptions) {
    this.cli = cli
    this.options = options
  }

  /** Everything the commands we run write goes under a directory of its own. */
  async prepare(): Promise<void> {
    this.home = await mkdtemp(join(tmpdir(), 'spaces-verify-'))
    this.#tidyUp.defer(() => rm(this.home, { recursive: true, force: true }))
  }

  /** Environment for a command: this one's, without the settings and the config directory of the person. */
  env(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    const own = Object.fromEntries(Object.entries(this.cli.env).filter(([name]) => !NOT_PASSED_ON.includes(name)))
    return {
      ...own,
      HOME: this.home,
      XDG_CONFIG_HOME: join(this.home, 'config'),
      DATA_DIR: join(this.home, 'data'),
      NO_COLOR: '1',
      LANG: 'C',
      ...more,
    }
  }

  run(args: readonly string[], more: Readonly<Record<string, string>> = {}): ChildCommand {
    return this.#tidyUp.use(startCommand(args, this.env(more)))
  }

  later(tidyUp: () => Promise<unknown>): void {
    this.#tidyUp.defer(async () => {
      await tidyUp().catch(() => undefined)
    })
  }

  put<K extends keyof Built>(name: K, value: Built[K]): void {
    this.#built.set(name, value)
  }

  /** @throws CommandFailure when the check that should have built it failed */
  get<K extends keyof Built>(name: K): Built[K] {
    if (!this.#built.has(name)) throw new CommandFailure('verify.blocked', { check: this.cli.t(BUILT_BY[name]) })
    return this.#built.get(name) as Built[K]
  }

  /** The admin's password: of our own hub from its file, as a person would; else as for setup-space. */
  async password(): Promise<string> {
    const env = this.options.host === undefined ? { DATA_DIR: join(this.home, 'data') } : this.cli.env
    return adminPassword(env, this.options)
  }

  async signInAdmin(): Promise<SpacesClient> {
    return signInAsAdmin(this.cli, this.get('url'), { ...this.options, adminPass: await this.password() })
  }

  /** A browser where there is one, else the page's own socket; the remark says which. */
  async openViewer(): Promise<{ viewer: Viewer; remark: string }> {
    const path = this.options.browser ? await findBrowser(this.cli.env) : undefined
    const credentials = { username: this.options.adminUser, password: await this.password() }
    if (path !== undefined) {
      const viewer = await openBrowser(path, this.get('url'), this.cli.language, credentials)
      return { viewer: this.#tidyUp.use(viewer), remark: '' }
    }
    return { viewer: this.#tidyUp.use(openSockets(this.get('admin'))), remark: this.cli.t('verify.no_browser') }
  }

  /** Null where the hub takes no new users. On a running hub it is suspended again afterwards. */
  async openGuest(): Promise<Guest | null> {
    const admin = this.get('admin')
    const client = new SpacesClient({ host: this.get('url'), language: this.cli.language })
    const password = randomBytes(18).toString('base64url')
    const { users } = await admin.listUsers(GUEST_NAME)
    const known = users.find((user) => user.username === GUEST_NAME)
    const { registration } = await admin.info()
    if (known !== undefined) {
      await admin.updateUser(known.id, { password, banned: false })
      await client.signIn(GUEST_NAME, password)
    } else if (registration === 'closed') return null
    else await client.signUp(GUEST_NAME, password, registration === 'invite' ? await admin.createInvite('spaces verify') : undefined)
    const { id } = await client.me()
    this.later(() => admin.updateUser(id, { banned: true }))
    return { client, username: GUEST_NAME }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tidyUp.disposeAsync()
  }
}

interface Built {
  readonly url: string
  readonly admin: SpacesClient
  /** `owner/name` */
  readonly space: string
  readonly app: ChildCommand
  readonly viewer: Viewer
  readonly tab: SpaceTab
  /** The first request, and where the app's transcript stood before it. */
  readonly request: { readonly id: string; readonly from: number }
  readonly several: Several
  readonly guest: Guest | null
}

export interface Several {
  readonly from: number
  readonly prompts: readonly string[]
  readonly ids: readonly string[]
  readonly tabs: readonly SpaceTab[]
}

const BUILT_BY: Record<keyof Built, MessageKey> = {
  url: 'verify.hub_starts',
  admin: 'verify.space_created',
  space: 'verify.space_created',
  app: 'verify.app_connects',
  viewer: 'verify.page_connected',
  tab: 'verify.page_connected',
  request: 'verify.request_submits',
  several: 'verify.several_at_once',
  guest: 'verify.duplicates_refused',
}
