import type { FastifyInstance } from 'fastify'
import type { Services } from '../services.ts'

/** A route file exports one such function: it adds its endpoint, or the few that share a resource. */
export type Route = (app: FastifyInstance, services: Services) => void
