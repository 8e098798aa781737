let second = Number.NaN
let written = ''

/**
 * A time as all answers and events write it: `2026-01-31T12:00:00.000Z`.
 * Most times that are written at a time are of the same second, whose text is kept: a request writes a dozen.
 * @param at whole milliseconds since 1970
 */
export function isoTime(at: number): string {
  const whole = Math.floor(at / 1000)
  if (whole !== second) {
    written = new Date(whole * 1000).toISOString().slice(0, -4)
    second = whole
  }
  return `${written}${String(at - whole * 1000).padStart(3, '0')}Z`
}
