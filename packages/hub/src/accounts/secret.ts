import { hash, randomBytes, randomInt } from 'node:crypto'

/** Without i, l, o, 0 and 1, which are easily taken for one another. */
const READABLE = 'abcdefghjkmnpqrstuvwxyz23456789'
const HINT_CHARS = 4

export interface FreshSecret {
  /** Shown once, then forgotten. */
  readonly secret: string
  readonly hash: string
  readonly hint: string
}

/** A connect token (`wst_`) or API key (`wsk_`): 256 random bits, so a plain hash of it cannot be reversed. */
export function makeSecret(prefix: 'wst_' | 'wsk_'): FreshSecret {
  return describe(prefix + randomBytes(32).toString('base64url'))
}

/** An invite code, made to be read out: 99 random bits. */
export function makeInviteCode(): FreshSecret {
  return describe(`wsi_${readable(20)}`)
}

/** 20 readable characters in groups of five, 99 random bits. */
export function makePassword(): string {
  return (readable(20).match(/.{5}/g) ?? []).join('-')
}

export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'base64url')
}

function describe(secret: string): FreshSecret {
  return { secret, hash: hashSecret(secret), hint: secret.slice(-HINT_CHARS) }
}

function readable(length: number): string {
  return Array.from({ length }, () => READABLE.charAt(randomInt(READABLE.length))).join('')
}
