/** What the acceptance run expects to read, in the language a test's browser asks for. */
export const WORDS = {
  en: {
    connected: '✓ Connected',
    notConnected: '✗ Not Connected',
    submit: 'Submit Request',
    processingTime: 'processing time',
    confidence: 'confidence',
    model: 'model',
    tokens: 'tokens',
    outputText: 'output text',
    appNotConnected: 'Remote app not connected',
    waitingForApp: 'Waiting for an app to connect',
    nextAbout: /^Next in the queue, (about .+ until your result|your result may come any moment)$/,
    secondAbout: /^Number 2 in the queue, (about .+ until your result|your result may come any moment)$/,
    highPriority: /Priority\s*High/,
    locale: 'en-US',
    username: /username/i,
    password: /password/i,
    signIn: /sign in/i,
    spacesTab: 'Spaces',
    nameTaken: (name: string) => `You already have a space named "${name}"`,
  },
  zh: {
    connected: '✓ 已连接',
    notConnected: '✗ 未连接',
    submit: '发送请求',
    processingTime: '处理时间',
    confidence: '置信度',
    model: '模型',
    tokens: 'Token数',
    outputText: '输出文本',
    appNotConnected: '远程应用未连接',
    waitingForApp: '正在等待应用连接',
    nextAbout: /^排在第一位，(预计 .+[后内]|随时可能)得到结果$/,
    secondAbout: /^排在第 2 位，(预计 .+[后内]|随时可能)得到结果$/,
    highPriority: /优先级\s*高/,
    locale: 'zh-CN',
    username: /用户名/,
    password: /密码/,
    signIn: /登录/,
    spacesTab: '空间',
    nameTaken: (name: string) => `您已有名为“${name}”的空间`,
  },
} as const

export type Words = (typeof WORDS)[keyof typeof WORDS]

export function wordsOf(project: string): Words {
  return project === 'zh' ? WORDS.zh : WORDS.en
}
