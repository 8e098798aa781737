import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Hub } from '@websocket-spaces/hub'
import { DEFAULTS } from '@websocket-spaces/protocol'
import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { adminPasswordFile } from '../hub-access.ts'
import { onStopSignal } from '../stop-signal.ts'

interface ServeFlags {
  readonly host?: string
  readonly port?: string
  readonly dataDir?: string
}

export function addServe(program: Command, cli: Cli): void {
  program
    .command('serve')
    .description(cli.t('serve.description'))
    .option('--host <address>', cli.t('serve.option.host'))
    .option('--port <number>', cli.t('serve.option.port'))
    .option('--data-dir <path>', cli.t('serve.option.data_dir'))
    .addHelpText('after', () => `\n${settings(cli)}`)
    .action((flags: ServeFlags) => serve(cli, flags))
}

/** Flags are settings said once more: they go the same way. */
async function serve(cli: Cli, flags: ServeFlags): Promise<void> {
  const { createHub, loadConfig } = await loadHub()
  const config = loadConfig({
    ...cli.env,
    ...(flags.host === undefined ? {} : { HOST: flags.host }),
    ...(flags.port === undefined ? {} : { PORT: flags.port }),
    ...(flags.dataDir === undefined ? {} : { DATA_DIR: flags.dataDir }),
  })
  await using hub = await createHub(config)
  const { promise: stopped, resolve: stop } = Promise.withResolvers<NodeJS.Signals>()
  onStopSignal(stop)
  const { port } = await hub.listen()
  const { host } = hub.config.listen
  cli.out(` * Running on http://${host.includes(':') ? `[${host}]` : host}:${port}`)
  if (!existsSync(join(hub.config.webDir, 'index.html'))) cli.err(cli.t('serve.no_page', { path: hub.config.webDir }))
  tellSignIn(cli, hub, port)
  await hub.close(await stopped)
}

/** Loaded only when needed: no other command has to wait for the whole hub. */
export function loadHub() {
  return import('@websocket-spaces/hub')
}

/** On every start until the generated password is changed: a first start that failed has shown it to nobody. */
function tellSignIn(cli: Cli, hub: Hub, port: number): void {
  const file = adminPasswordFile(cli.env, hub.config.dataDir)
  const password = hub.firstAdminPassword
  const kept = existsSync(file)
  if (password === null && !kept) return
  const { bold } = cli.colors
  cli.out('')
  cli.out(cli.t(password === null ? 'serve.sign_in' : 'serve.first_start'))
  cli.out(`  ${cli.t('serve.address')}  ${bold(`http://localhost:${port}`)}`)
  cli.out(`  ${cli.t('serve.username')}  ${bold('admin')}`)
  cli.out(`  ${cli.t('serve.password')}  ${password === null ? cli.t('serve.password_in', { file }) : bold(password)}`)
  if (password !== null) cli.out(kept ? cli.t('serve.password_kept', { file }) : cli.t('serve.password_given'))
}

const SETTINGS = [
  ['HOST', '0.0.0.0'],
  ['PORT', '5001'],
  ['DATA_DIR', './data'],
  ['ADMIN_PASSWORD', ''],
  ['PUBLIC_URL', ''],
  ['LOG_LEVEL', 'info'],
  ['TRUST_PROXY', 'false'],
  ['WEB_DIR', ''],
  ['DATABASE_URL', ''],
  ['REDIS_URL', ''],
  ['APP_GRACE_SECONDS', String(DEFAULTS.appGraceSeconds)],
  ['RETENTION_DAYS', '365'],
  ['SQLITE_SYNCHRONOUS', 'full'],
] as const

function settings(cli: Cli): string {
  const lines = SETTINGS.map(([name, fallback]) => {
    const description = cli.t(`serve.setting.${name}`)
    const shown = fallback === '' ? description : cli.t('help.with_default', { description, value: fallback })
    return `  ${name.padEnd(20)}${shown}`
  })
  return [cli.colors.bold(cli.t('serve.settings')), ...lines].join('\n')
}
