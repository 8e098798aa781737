// Plain JavaScript that any Node can read: older ones cannot load the .ts files at all.
const needed = [24, 15]
const have = process.versions.node.split('.').map(Number)

if (have[0] < needed[0] || (have[0] === needed[0] && have[1] < needed[1])) {
  const chinese = /^zh/i.test(process.env.LC_ALL || process.env.LC_MESSAGES || process.env.LANG || '')
  console.error(
    chinese
      ? `需要 Node ${needed.join('.')} 或更高版本，当前是 ${process.version}。\n` +
          '请先运行 npm install：在 Linux 上它会自带 Node 24，之后用 npm start、npm run demo、npm test 启动即可。\n' +
          '直接运行脚本时，请先执行 export PATH="$PWD/node_modules/.bin:$PATH"；其他系统请从 https://nodejs.org 安装 Node 24。'
      : `Node ${needed.join('.')} or newer is needed; this is ${process.version}.\n` +
          'Run npm install first: on Linux it brings Node 24 along, and npm start, npm run demo and npm test use it.\n' +
          'To call a script directly: export PATH="$PWD/node_modules/.bin:$PATH". On other systems install Node 24 from https://nodejs.org.',
  )
  process.exit(1)
}
