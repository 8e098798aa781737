/** npm passes a terminal's Ctrl+C on to a command that has it already; so soon, two signals are one. */
const ONE_SIGNAL_MS = 1_000

/**
 * Calls the steps with the first, second … of these signals; one after the last step ends the process at once.
 * @returns stops listening; the signals then do again what they do by default
 */
export function onStopSignal(
  steps: ((signal: NodeJS.Signals) => void) | readonly ((signal: NodeJS.Signals) => void)[],
  signals: readonly ('SIGINT' | 'SIGTERM')[] = ['SIGINT', 'SIGTERM'],
): () => void {
  const left = [steps].flat()
  let lastAt = -Infinity
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now()
    if (now - lastAt < ONE_SIGNAL_MS) return
    lastAt = now
    const step = left.shift()
    if (step === undefined) process.exit(signal === 'SIGINT' ? 130 : 143)
    step(signal)
  }
  for (const signal of signals) process.on(signal, onSignal)
  return () => {
    for (const signal of signals) process.off(signal, onSignal)
  }
}
