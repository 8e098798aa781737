import { accountRoutes } from './accounts/index.ts'
import { healthRoutes } from './health.ts'
import type { Route } from '../route.ts'

export const routes: readonly Route[] = [healthRoutes, ...accountRoutes]
