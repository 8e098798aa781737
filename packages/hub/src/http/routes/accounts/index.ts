import type { Route } from '../../route.ts'
import { adminInviteRoutes } from './admin-invites.ts'
import { adminSettingsRoutes } from './admin-settings.ts'
import { adminUserRoutes } from './admin-users.ts'
import { changePasswordRoute } from './change-password.ts'
import { getSessionRoute } from './get-session.ts'
import { infoRoute } from './info.ts'
import { keyRoutes } from './keys.ts'
import { meRoute } from './me.ts'
import { ownerTokenRoutes } from './owner-tokens.ts'
import { signInRoute } from './sign-in.ts'
import { signOutRoute } from './sign-out.ts'
import { signUpRoute } from './sign-up.ts'
import { spaceTokenRoutes } from './space-tokens.ts'

/** Nothing else of /api/auth/ exists: better-auth's further endpoints are no second door. */
export const accountRoutes: readonly Route[] = [
  signUpRoute,
  signInRoute,
  signOutRoute,
  changePasswordRoute,
  getSessionRoute,
  infoRoute,
  meRoute,
  keyRoutes,
  ownerTokenRoutes,
  spaceTokenRoutes,
  adminUserRoutes,
  adminSettingsRoutes,
  adminInviteRoutes,
]
