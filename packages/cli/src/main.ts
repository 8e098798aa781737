import { nodeTooOld } from './node-version.ts'

const problem = nodeTooOld(process.versions.node)
if (problem === undefined) {
  const { runCli } = await import('./program.ts')
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endWithReader)
  process.exitCode = await runCli(process.argv.slice(2))
} else {
  console.error(problem)
  process.exitCode = 1
}

/** Whoever read our output is gone (`| head`): end as on Ctrl+C, so that commands still tidy up. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.kill(process.pid, 'SIGTERM')
}
