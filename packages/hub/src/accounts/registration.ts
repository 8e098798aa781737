import { type HubSettings, type RegistrationMode, registrationMode } from '@websocket-spaces/protocol'
import type { SettingsStore } from './ports.ts'

export interface Registration {
  readonly mode: () => Promise<RegistrationMode>
  /** The settings an admin may change. */
  readonly settings: () => Promise<HubSettings>
  readonly update: (settings: HubSettings) => Promise<HubSettings>
}

const KEY = 'registration'

export function createRegistration(store: SettingsStore): Registration {
  async function mode(): Promise<RegistrationMode> {
    return registrationMode.catch('open').parse((await store.get(KEY)) ?? 'open')
  }

  async function settings(): Promise<HubSettings> {
    return { registration: await mode() }
  }

  async function update({ registration }: HubSettings): Promise<HubSettings> {
    await store.set(KEY, registration)
    return { registration }
  }

  return { mode, settings, update }
}
