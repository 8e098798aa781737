import fc from 'fast-check'

/** The same cases in every run; `FC_SEED=7 npm test -- --only vitest properties` tries others. */
export const SEED = Number(process.env['FC_SEED'] ?? 20_261_122)

const NASTY_TEXTS = [
  '',
  ' ',
  '\u0000',
  '__proto__',
  'constructor',
  'toString',
  'null',
  '-1',
  '1e309',
  '../../etc/passwd',
  "' OR 1=1 --",
  '%00',
  '\ud800',
  '\u202e你好',
  '😀'.repeat(100),
  'x'.repeat(5_000),
  '<script>alert(1)</script>',
  '${7*7}{{7*7}}',
] as const

export const nastyText = fc.oneof(fc.constantFrom(...NASTY_TEXTS), fc.string({ unit: 'binary' }), fc.string())

/** Anything JSON can say, deep and odd-keyed. */
export const nastyJson = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  nastyText,
  fc.constantFrom<unknown>(null, [], {}, 0, -1, 1e308, Number.MAX_SAFE_INTEGER, true, [[[[[]]]]], { __proto__: null, length: 1e9 }),
)

/** An object with the right keys and, often, wrong values. */
export function nearly(keys: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.fromEntries(
    Object.entries(keys).map(([key, right]) => [key, fc.oneof({ weight: 2, arbitrary: right }, { weight: 1, arbitrary: nastyJson })]),
  )
  return fc.record(fields, { requiredKeys: [] })
}
