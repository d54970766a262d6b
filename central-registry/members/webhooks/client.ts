/**
 * Posts notices to members' webhooks: one POST of JSON with a time limit. It follows no redirect and ignores
 * the body of the answer. It checks the very address that it connects to, so a name server cannot pass the
 * check with one answer and redirect with another.
 */
import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, request } from 'undici'
import { isForbiddenAddress } from '#platform/http-service/forbidden-address.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

/** Resolves when the receiver accepted the notice (2xx); throws `service_failed`. */
export type PostNotice = (url: string, notice: object, signal: AbortSignal) => Promise<void>

const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 16 * 1024

const refused = (): Fault =>
  new Fault('service_failed', { what: say`no webhook may lie at the address of its host` })

const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, options, (error, address, family) => {
    const found =
      error === null ? [address].flat().map((one) => (typeof one === 'string' ? one : one.address)) : []
    const fault = found.some(isForbiddenAddress) ? refused() : error
    callback(fault as NodeJS.ErrnoException | null, address as string, family)
  })
}

export const postNotice: PostNotice = async (url, notice, signal) => {
  const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, '') ?? ''
  // A host that is an address is not looked up, so it is checked here.
  if (isIP(host) !== 0 && isForbiddenAddress(host)) throw refused()
  const dispatcher = new Agent({
    connect: { timeout: TIMEOUT_MS, lookup: guardedLookup },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  })
  try {
    const reply = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(notice),
      dispatcher,
      signal: AbortSignal.any([signal, AbortSignal.timeout(2 * TIMEOUT_MS)]),
    })
    const { statusCode } = reply
    await reply.body.dump({ limit: MAX_ANSWER_BYTES })
    if (statusCode < 200 || statusCode > 299)
      throw new Fault('service_failed', { what: say`the webhook answered HTTP ${statusCode}` })
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('service_failed', { what: say`the webhook cannot be reached`, cause })
  } finally {
    await dispatcher.destroy()
  }
}
