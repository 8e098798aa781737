import { z } from 'zod'

/** Milliseconds. */
export const summary = z.object({ count: z.number(), p50: z.number(), p99: z.number(), max: z.number() })
export type Summary = z.infer<typeof summary>

export function summarize(values: readonly number[]): Summary {
  const sorted = Float64Array.from(values).toSorted()
  return { count: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: quantile(sorted, 1) }
}

export function median(values: readonly number[]): number {
  return quantile(Float64Array.from(values).toSorted(), 0.5)
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
