/** Times as people say them, in the page's language. */
import { createSubscriber } from 'svelte/reactivity'
import { languageTag, t } from '#lib/i18n/index.svelte.ts'

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

const JUST_NOW_SECONDS = 10

const TICK_MS = 1_000

/** The page's one clock: ticks while anything on the page shows a time and somebody can see it. */
const watch = createSubscriber((tick) => {
  let timer: ReturnType<typeof setInterval> | undefined
  function windUp(): void {
    clearInterval(timer)
    if (!document.hidden) timer = setInterval(tick, TICK_MS)
  }
  function onVisibility(): void {
    windUp()
    tick()
  }
  windUp()
  document.addEventListener('visibilitychange', onVisibility)
  return () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', onVisibility)
  }
})

/** Milliseconds since the epoch; a component that reads it is updated every second. */
export function now(): number {
  watch()
  return Date.now()
}

/** "3 minutes ago", "3 分钟前"; exact times go into a title. */
export function relativeTime(iso: string): string {
  return spaced(sayRelative(iso))
}

function sayRelative(iso: string): string {
  const seconds = (Date.parse(iso) - now()) / 1_000
  const format = new Intl.RelativeTimeFormat(languageTag(), { numeric: 'auto' })
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit)
  }
  return Math.abs(seconds) < JUST_NOW_SECONDS ? t('common.just_now') : format.format(Math.round(seconds), 'second')
}

/** Figures stand apart from Chinese characters here as in all other texts; `Intl` sets them close. */
function spaced(text: string): string {
  return text.replace(/(\d)(?=\p{Script=Han})/gu, '$1 ')
}

export function exactTime(iso: string): string {
  return new Intl.DateTimeFormat(languageTag(), { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso))
}

/** "0.04 s", "2.3 s", "3 min 5 s"; with `digits` 0, "6 s". */
export function duration(seconds: number, digits = 1): string {
  if (seconds < 0.1) return `${seconds.toFixed(2)} s`
  if (seconds < 100) return `${seconds.toFixed(digits)} s`
  const minutes = Math.floor(seconds / 60)
  return `${minutes} min ${Math.round(seconds - minutes * 60)} s`
}

const SPANS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const

/** A whole time as people say it: "8 hours", "8 小时". */
export function span(seconds: number): string {
  const [unit, size] = SPANS.find(([, length]) => seconds % length === 0) ?? ['second', 1]
  return spaced(new Intl.NumberFormat(languageTag(), { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / size))
}

/** A time of today as "18:40"; of another day with its date. `at`: milliseconds since the epoch. */
export function moment(at: number): string {
  const isToday = new Date(at).toDateString() === new Date(now()).toDateString()
  const day = isToday ? {} : ({ month: 'short', day: 'numeric' } as const)
  return new Intl.DateTimeFormat(languageTag(), { ...day, hour: '2-digit', minute: '2-digit' }).format(new Date(at))
}

/** Seconds between two moments; never negative, whatever the clocks say. */
export function secondsBetween(from: string, to: string | number): number {
  return Math.max(0, (typeof to === 'number' ? to : Date.parse(to)) - Date.parse(from)) / 1_000
}
