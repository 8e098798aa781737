/** Code people copy: how to connect an app, and how to call a space. */
import type { Language } from '@websocket-spaces/protocol'

/** The command that connects the sample app to `space`, which is `owner/name`. */
export function connectCommand(origin: string, space: string, token: string): string {
  return `npm run mock-app -- --host ${origin} --spaces "${space}" --token ${token}`
}

/** A small app to save as `file` and to start with `run`. */
export interface AppProgram {
  readonly file: string
  readonly code: string
  readonly run: string
}

const COMMENTS: Record<Language, Record<'address' | 'model' | 'call' | 'concurrency' | 'ended' | 'leave' | 'path', string>> = {
  en: {
    address: "the hub's address as this machine sees it",
    model: 'Call your model here; run.output(text) streams, run.signal is aborted on cancel.',
    call: 'call your model here',
    concurrency: 'Without concurrency, every waiting request is sent at once and handled in parallel threads.',
    ended: 'a lost connection is made again; here the hub has refused or dropped this app',
    leave: 'Ctrl+C finishes what runs first; a second one leaves at once.',
    path: 'the Node 24 that npm install brought',
  },
  zh: {
    address: '从这台机器访问本站的地址',
    model: '在这里调用您的模型；run.output(text) 流式输出，取消时 run.signal 会中止。',
    call: '在这里调用您的模型',
    concurrency: '不声明 concurrency 时，所有排队的请求会一次性发来，并在多个线程中同时处理。',
    ended: '断线会自动重连；执行到这里，说明应用被本站拒绝或断开',
    leave: 'Ctrl+C 先完成正在运行的请求；再按一次立即退出。',
    path: 'npm install 带来的 Node 24',
  },
}

/** The smallest apps that serve `space`: they answer in capitals until a model takes their place. */
export function appPrograms(origin: string, space: string, token: string, language: Language): { node: AppProgram; python: AppProgram } {
  const comments = COMMENTS[language]
  return {
    node: {
      file: 'my-app.ts',
      run: `export PATH="$PWD/node_modules/.bin:$PATH" # ${comments.path}
WSS_TOKEN=${token} node my-app.ts`,
      code: `import { serveSpace } from '@websocket-spaces/client'

const app = serveSpace({
  host: ${quote(origin)}, // ${comments.address}
  space: ${quote(space)},
  token: process.env.WSS_TOKEN,
  async onRequest(request, run) {
    run.progress(0.5)
    // ${comments.model}
    return { text_output: request.prompt.toUpperCase(), model_used: 'shout' }
  },
})
// ${comments.leave}
process.once('SIGINT', () => app.close({ drain: true }))
try {
  console.log((await app.registered).message)
  await app.ended
} catch (error) {
  console.error(String(error))
  process.exitCode = 1
}`,
    },
    python: {
      file: 'my_app.py',
      run: `WSS_TOKEN=${token} /usr/bin/python3 my_app.py`,
      code: `import os
import sys
import socketio

hub = socketio.Client()

@hub.event
def connect():
    # ${comments.concurrency}
    hub.emit("register", {"space_name": "${space}", "concurrency": 1})

@hub.on("register_response")
def registered(answer):
    print(answer["message"], flush=True)
    if not answer["success"]:
        hub.disconnect()

@hub.on("inference_request")
def run(request):
    try:
        text = request["payload"]["prompt"].upper()  # ${comments.call}
        status, result = "completed", {"text_output": text, "model_used": "shout"}
    except Exception as problem:
        status, result = "failed", {"error": str(problem)}
    hub.emit("inference_result", {"request_id": request["request_id"], "status": status, "result": result})

hub.connect("${origin}/?token=" + os.environ["WSS_TOKEN"], transports=["websocket"])
try:
    hub.wait()
except KeyboardInterrupt:
    sys.exit(130)
sys.exit(1)  # ${comments.ended}`,
    },
  }
}

export function requestSnippets(origin: string, endpoint: string, prompt: string): { curl: string; javascript: string; python: string } {
  const body = JSON.stringify({ input: { prompt } })
  return {
    curl: `curl ${endpoint} \\
  -H "Authorization: Bearer $SPACES_API_KEY" \\
  -H "Content-Type: application/json" \\
  -H "Prefer: wait=30" \\
  -d '${body.replaceAll("'", String.raw`'\''`)}'`,
    javascript: `const response = await fetch(${quote(endpoint)}, {
  method: 'POST',
  headers: {
    authorization: \`Bearer \${process.env.SPACES_API_KEY}\`,
    'content-type': 'application/json',
    prefer: 'wait=30',
  },
  body: JSON.stringify({ input: { prompt: ${quote(prompt)} } }),
})
const request = await response.json()
console.log(request.status, request.result)
// Not finished within 30 s? Ask again:
// await fetch(\`${origin}/api/v1/requests/\${request.id}\`, …)`,
    python: `import os, requests

response = requests.post(
    "${endpoint}",
    headers={"Authorization": f"Bearer {os.environ['SPACES_API_KEY']}", "Prefer": "wait=30"},
    json={"input": {"prompt": ${JSON.stringify(prompt)}}},
)
request = response.json()
print(request["status"], request["result"])`,
  }
}

function quote(text: string): string {
  return `'${text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", String.raw`\'`)
    .replaceAll('\n', String.raw`\n`)}'`
}
