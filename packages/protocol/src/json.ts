import { z } from 'zod'
import { LIMITS } from './limits.ts'

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
export type JsonObject = Record<string, Json>

/**
 * A JSON object nested at most `jsonDepth` deep. What is deeper could be stored, but every later
 * reader of it would run out of stack, so it is refused at the door; checked without recursion.
 */
export const jsonObject = z.custom<JsonObject>(
  (value) => isPlainObject(value) && isModest(value),
  'is not a JSON object, or nested too deep',
)

function isModest(root: object): boolean {
  let level: unknown[] = [root]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > LIMITS.jsonDepth) return false
    const next: unknown[] = []
    for (const value of level) {
      if (Array.isArray(value)) for (const item of value) next.push(item)
      else if (isPlainObject(value)) for (const item of Object.values(value)) next.push(item)
      else if (!isScalar(value)) return false
    }
    level = next
  }
  return true
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
