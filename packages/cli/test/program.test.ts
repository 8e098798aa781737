import { describe, expect, test } from 'vitest'
import { createProgram, runCli } from '../src/program.ts'
import { terminal } from './terminal.ts'

describe('usage', () => {
  test.each([
    ['en', ['mock-app'], 'An option is missing: --spaces <names>'],
    ['zh', ['mock-app'], '缺少选项：--spaces <names>'],
    ['zh', ['submit'], '缺少参数：space'],
    ['en', ['nonsense'], 'There is no command nonsense'],
    ['zh', ['serve', '--nope'], '没有选项 --nope'],
    ['en', ['mock-app', '--spaces', 'a', '--duration', 'x'], 'The value of this option is not valid: --duration <seconds>'],
    [
      'en',
      ['submit', 'a/b', '--priority', 'urgent'],
      'The value of this option is not valid: --priority <priority>. It takes: low | normal | high',
    ],
    ['zh', ['submit', 'a/b', '--priority', 'urgent'], '选项的值无效：--priority <priority>，应为：low | normal | high'],
  ] as const)('%s %j → %s', async (language, args, expected) => {
    const cli = terminal(language)
    expect(await runCli(args, cli)).toBe(1)
    expect(cli.complained.join('\n')).toContain(`✗ ${expected}`)
  })

  test('every command and option is described, in both languages', () => {
    for (const language of ['en', 'zh'] as const) {
      for (const command of createProgram(terminal(language)).commands) {
        expect(command.description()).not.toBe('')
        for (const option of command.options) expect(option.description, `${command.name()} ${option.flags}`).not.toBe('')
        if (language === 'zh') expect(command.description()).toMatch(/\p{Script=Han}/u)
      }
    }
  })
})

describe('a hub that is not there', () => {
  test.each([
    ['en', 'Cannot reach the hub at http://127.0.0.1:9'],
    ['zh', '无法连接 hub（http://127.0.0.1:9）'],
  ] as const)('%s: the address is named, status 1', async (language, expected) => {
    const cli = terminal(language, { SPACES_API_KEY: 'wsk_x', ADMIN_PASSWORD: 'password' })
    for (const args of [
      ['setup-space', '--host', 'http://127.0.0.1:9'],
      ['submit', 'a/b', 'x', '--host', 'http://127.0.0.1:9'],
    ]) {
      cli.complained.length = 0
      expect(await runCli(args, cli)).toBe(1)
      expect(cli.complained.join('\n')).toContain(expected)
      expect(cli.complained.join('\n')).not.toMatch(/^\s+at /m)
    }
  })

  test('no address at all', async () => {
    const cli = terminal('en')
    expect(await runCli(['login', '--host', 'ftp://x'], cli)).toBe(1)
    expect(cli.complained.join('\n')).toContain('"ftp://x" is not an address')
  })

  test('not logged in: says how', async () => {
    const cli = terminal('en')
    expect(await runCli(['submit', 'a/b', 'x', '--host', 'http://127.0.0.1:9'], cli)).toBe(1)
    expect(cli.complained.join('\n')).toContain('npm run spaces -- login --host http://127.0.0.1:9')
  })
})
