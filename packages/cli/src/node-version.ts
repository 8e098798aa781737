/** The oldest Node this runs on: [major, minor]. */
const OLDEST = [24, 15] as const

/** What to tell someone whose Node is too old, in both languages; undefined when it is new enough. */
export function nodeTooOld(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return undefined
  return [
    `Node.js ${version} is too old: ${OLDEST.join('.')} or newer is needed. Start it through npm, which uses the Node.js that "npm install" brought along, for example: npm run spaces -- --help`,
    `Node.js ${version} 版本过低：需要 ${OLDEST.join('.')} 或更高版本。请通过 npm 启动，它会使用 "npm install" 自带的 Node.js，例如：npm run spaces -- --help`,
  ].join('\n')
}
