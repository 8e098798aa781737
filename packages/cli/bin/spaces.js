#!/usr/bin/env node
// Plain JavaScript that any Node can read: older ones cannot load the .ts files at all.
import('../src/main.ts').catch((error) => {
  if (error.code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error
  console.error(
    `Node.js ${process.versions.node} is too old: 24.15 or newer is needed. From the project's folder use: npm run spaces -- --help\n` +
      `Node.js ${process.versions.node} 版本过低：需要 24.15 或更高版本。请在项目目录中使用：npm run spaces -- --help`,
  )
  process.exitCode = 1
})
