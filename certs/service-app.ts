/**
 * The common part of the three services: a listener with health, the fault switch and its guarded admin
 * routes.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '#platform/clock.ts'
import { createHealth } from '#platform/health/create-health.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { type Conditions, changeSwitch, newSwitch, type Service, type Switch } from './switches.ts'

export type ServiceApp = {
  app: FastifyInstance
  state: Switch
  /**
   * The conditions for one answer. Depending on the switch it first waits, or breaks the connection and
   * returns undefined.
   */
  admit(request: FastifyRequest, reply: FastifyReply): Promise<Conditions | undefined>
  /** For routes that change something. Throws `unauthorized`. */
  checkKey(request: FastifyRequest): void
  stop(): Promise<void>
}

export type ServiceSettings = {
  log: Log
  clock: Clock
  /** Without a key the admin routes refuse everybody. */
  apiKey?: string | undefined
}

const BODY_LIMIT = 64 * 1024

export function createServiceApp(service: Service, q: ServiceSettings): ServiceApp {
  const state = newSwitch()
  const closing = new AbortController()
  const app = createHttpService({ name: service, log: q.log, clock: q.clock, bodyLimit: BODY_LIMIT })
  const health = createHealth()
  health.add(service, () => {
    const ok = state.mode !== 'down'
    return ok ? { ok } : { ok, reason: 'switched down' }
  })
  health.routes(app)
  const checkKey = (request: FastifyRequest): void => {
    if (!isKey(request.headers.authorization, q.apiKey)) throw new Fault('unauthorized')
  }
  app.get('/admin/switch', async (request) => {
    checkKey(request)
    return state
  })
  app.put('/admin/switch', async (request) => {
    checkKey(request)
    return changeSwitch(state, request.body)
  })
  return {
    app,
    state,
    checkKey,
    admit: async (_request, reply) => {
      const { mode, delayMs, clockOffsetMs } = state
      if (mode === 'down') {
        reply.hijack()
        reply.raw.destroy()
        return undefined
      }
      if (mode === 'slow') await wait(delayMs, undefined, { signal: closing.signal }).catch(() => undefined)
      return { at: new Date(q.clock() + clockOffsetMs), mode }
    },
    stop: async () => {
      closing.abort()
      app.server.closeAllConnections()
      await app.close()
    },
  }
}

function isKey(header: string | undefined, apiKey: string | undefined): boolean {
  const given = /^X-Road-ApiKey token=(.+)$/i.exec(header ?? '')?.[1]
  if (given === undefined || apiKey === undefined) return false
  return timingSafeEqual(digest(given), digest(apiKey))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** The body as bytes. Throws `invalid_content_type` for JSON and for a missing body. */
export function bodyOf(request: FastifyRequest): Buffer {
  if (!Buffer.isBuffer(request.body)) throw new Fault('invalid_content_type')
  return request.body
}
