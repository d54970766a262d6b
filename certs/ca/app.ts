/**
 * The certification authority over HTTP: issues certificates, returns its own certificates, revokes
 * certificates.
 */
import { Fault } from '#schemas/fault.ts'
import type { Authority } from '../authority.ts'
import { pemOf } from '../pem.ts'
import { isProfileName, PROFILES } from '../profiles.ts'
import { bodyOf, createServiceApp, type ServiceApp, type ServiceSettings } from '../service-app.ts'
import { type Conditions, STALE_MS } from '../switches.ts'

const PEM_TYPE = 'application/x-pem-file'
const SERIAL = /^[0-9a-f]{1,40}$/i
const MAX_REASON = 10
const DAY_MS = 86_400_000

/**
 * POST /certificates?profile=signing (a PKCS #10 request; with &days=30 valid for a shorter time) answers
 * with PEM; GET /root, /intermediate, /ocsp-responder, /tsa; POST /revocations {serialNumber (hex), reason?},
 * with the API key.
 */
export function createCaApp(authority: Authority, q: ServiceSettings): ServiceApp {
  const service = createServiceApp('ca', q)
  const { app } = service
  const own = {
    '/root': authority.root,
    '/intermediate': authority.intermediate,
    '/ocsp-responder': authority.ocspResponder,
    '/tsa': authority.tsa,
  }
  for (const [url, certificate] of Object.entries(own)) {
    app.get(url, async (_request, reply) => reply.type(PEM_TYPE).send(pemOf(certificate)))
  }
  app.post<{ Querystring: { profile?: unknown; days?: unknown } }>(
    '/certificates',
    async (request, reply) => {
      const { profile, days } = request.query
      if (typeof profile !== 'string' || !isProfileName(profile)) {
        throw new Fault('invalid_input', {
          what: `profile must be one of ${Object.keys(PROFILES).join(', ')}`,
        })
      }
      const shorter = daysOf(days, PROFILES[profile].days)
      const conditions = await service.admit(request, reply)
      if (conditions === undefined) return reply
      if (conditions.mode === 'revoked' || conditions.mode === 'unknown')
        throw new Fault('service_unavailable')
      const body = bodyOf(request)
      const certificate = await authority.issue({ request: body, profile, ...datesOf(conditions, shorter) })
      const text = pemOf(certificate)
      return reply
        .type(PEM_TYPE)
        .send(conditions.mode === 'malformed' ? text.slice(0, text.length >> 1) : text)
    },
  )
  app.post('/revocations', async (request, reply) => {
    service.checkKey(request)
    const { serialNumber, reason } = (request.body ?? {}) as { serialNumber?: unknown; reason?: unknown }
    if (typeof serialNumber !== 'string' || !SERIAL.test(serialNumber)) {
      throw new Fault('invalid_input', { what: 'serialNumber must be hexadecimal' })
    }
    if (
      reason !== undefined &&
      !(Number.isInteger(reason) && Number(reason) >= 0 && Number(reason) <= MAX_REASON)
    ) {
      throw new Fault('invalid_input', { what: 'reason must be a CRLReason code' })
    }
    authority.revoke(BigInt(`0x${serialNumber}`), reason as number | undefined)
    return reply.code(204).send()
  })
  return service
}

/** A shorter validity than the profile's, in whole days; undefined when none is asked for. */
function daysOf(asked: unknown, most: number): number | undefined {
  if (asked === undefined) return undefined
  const days = typeof asked === 'string' && /^\d{1,5}$/.test(asked) ? Number(asked) : 0
  if (days < 1 || days > most) throw new Fault('invalid_input', { what: `days must be 1 to ${most}` })
  return days
}

type Dates = { at: Date; notBefore?: Date; notAfter?: Date }

/** In mode 'stale' the certificate expired a week ago. */
function datesOf({ at, mode }: Conditions, days: number | undefined): Dates {
  if (mode !== 'stale')
    return { at, ...(days !== undefined && { notAfter: new Date(at.getTime() + days * DAY_MS) }) }
  const end = at.getTime() - STALE_MS
  return { at, notBefore: new Date(end - DAY_MS), notAfter: new Date(end) }
}
