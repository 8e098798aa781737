export { type HubConfig, loadConfig } from './config.ts'
export { createHub, type Hub, type HubOverrides } from './hub.ts'
export { type MovedHub, moveHub } from './move-hub.ts'
export { StartupError } from './startup-error.ts'
