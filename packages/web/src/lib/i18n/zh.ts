import type { Translation } from './keys.ts'
import { account } from './zh/account.ts'
import { admin } from './zh/admin.ts'
import { landing } from './zh/landing.ts'
import { request } from './zh/request.ts'
import { shell } from './zh/shell.ts'
import { space } from './zh/space.ts'
import { spaceForm } from './zh/space-form.ts'

export const zh: Translation = { ...shell, ...landing, ...account, ...space, ...spaceForm, ...request, ...admin }
