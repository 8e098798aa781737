import type { Role, UserId } from '@websocket-spaces/protocol'

/** Who is asking. `via` tells a person's browser session from a program's API key. */
export interface Identity {
  readonly userId: UserId
  readonly username: string
  readonly role: Role
  readonly via: 'session' | 'key'
}

/** The headers that prove an identity; those of Node's HTTP requests and socket handshakes fit. */
export interface Credentials {
  readonly cookie?: string | undefined
  readonly authorization?: string | undefined
}

/** Where a sign-in comes from. `address` is what the hub itself saw, never a header the client wrote. */
export interface Caller {
  readonly cookie?: string | undefined
  readonly userAgent?: string | undefined
  readonly address: string
}
