/** A hub as `npm start` runs it, with the settings of its environment. */
import { createHub, loadConfig } from '@websocket-spaces/hub'
import { answerCalls } from './answer.ts'

const hub = await createHub(loadConfig(process.env))
const { port } = await hub.listen()
answerCalls({ port: () => port }, () => hub.close())
