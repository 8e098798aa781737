/** Every text of the page in English. Chinese is typed by it. `{{name}}` is filled in. */
import { account } from './en/account.ts'
import { admin } from './en/admin.ts'
import { landing } from './en/landing.ts'
import { request } from './en/request.ts'
import { shell } from './en/shell.ts'
import { space } from './en/space.ts'
import { spaceForm } from './en/space-form.ts'

export const en = { ...shell, ...landing, ...account, ...space, ...spaceForm, ...request, ...admin } as const
