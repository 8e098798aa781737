/** Code people copy: how to connect an app, and how to call a space. */

/** The command that connects the sample app to `space`, which is `owner/name`. */
export function connectCommand(origin: string, space: string, token: string): string {
  return `npm run mock-app -- --host ${origin} --spaces "${space}" --token ${token}`
}

export function appSnippets(origin: string, space: string, token: string): { node: string; python: string } {
  return {
    node: `import { serveSpace } from '@websocket-spaces/client'

const app = serveSpace({
  host: ${quote(origin)},
  space: ${quote(space)},
  token: ${quote(token)},
  async onRequest(request, run) {
    run.progress(0.5)
    return { text_output: await myModel(request.prompt) }
  },
  onEvent(event) {
    if (event.type === 'registered') console.log('connected')
    if (event.type === 'retrying') console.error('no hub, trying again')
  },
})
await app.ended // throws when the hub refuses the app`,
    python: `import socketio  # pip install "python-socketio[client]"

hub = socketio.Client()

@hub.event
def connect():
    # How many requests it runs at a time
    hub.emit("register", {"space_name": "${space}", "concurrency": 1})

@hub.on("register_response")
def registered(answer):
    print(answer["message"], flush=True)

@hub.on("inference_request")
def run(request):
    try:
        text = my_model(request["payload"]["prompt"])
        status, result = "completed", {"text_output": text}
    except Exception as problem:
        status, result = "failed", {"error": str(problem)}
    hub.emit("inference_result", {
        "request_id": request["request_id"], "status": status, "result": result,
    })

hub.connect("${origin}/?token=${token}")
hub.wait()`,
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
