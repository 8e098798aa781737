import { nodeTooOld } from './node-version.ts'

const problem = nodeTooOld(process.versions.node)
if (problem === undefined) {
  const { runCli } = await import('./program.ts')
  process.exitCode = await runCli(process.argv.slice(2))
} else {
  console.error(problem)
  process.exitCode = 1
}
