/** npm passes a terminal's Ctrl+C on to a command that has it already; so soon, two signals are one. */
const ONE_SIGNAL_MS = 1_000

/**
 * Calls `onFirst` with the first of these signals; a later one, of any of them, ends the process at once.
 * @returns stops listening; the signals then do again what they do by default
 */
export function onStopSignal(
  onFirst: (signal: NodeJS.Signals) => void,
  signals: readonly ('SIGINT' | 'SIGTERM')[] = ['SIGINT', 'SIGTERM'],
): () => void {
  let firstAt: number | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now()
    if (firstAt === undefined) {
      firstAt = now
      onFirst(signal)
    } else if (now - firstAt >= ONE_SIGNAL_MS) process.exit(signal === 'SIGINT' ? 130 : 143)
  }
  for (const signal of signals) process.on(signal, onSignal)
  return () => {
    for (const signal of signals) process.off(signal, onSignal)
  }
}
