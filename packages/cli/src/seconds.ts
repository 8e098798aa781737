/** A time as a figure without its unit, which differs by language: `2.3`, `<0.1`. */
export function secondsText(seconds: number): string {
  return seconds < 0.1 ? '<0.1' : seconds.toFixed(1)
}
