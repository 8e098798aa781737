import type { Route } from '../route.ts'
import { accountRoutes } from './accounts/index.ts'
import { adminConnectionRoutes } from './admin/connections.ts'
import { adminOverviewRoute } from './admin/overview.ts'
import { healthRoutes } from './health.ts'
import { eventsRoute } from './requests/events.ts'
import { historyRoutes } from './requests/history.ts'
import { requestRoutes } from './requests/request.ts'
import { submitRoute } from './requests/submit.ts'
import { coverRoutes } from './spaces/cover.ts'
import { spaceRoutes } from './spaces/spaces.ts'

export const routes: readonly Route[] = [
  healthRoutes,
  ...accountRoutes,
  spaceRoutes,
  coverRoutes,
  submitRoute,
  historyRoutes,
  requestRoutes,
  eventsRoute,
  adminConnectionRoutes,
  adminOverviewRoute,
]
