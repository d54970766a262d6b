/**
 * Posts a message to the webhook of a person, or to the program of a channel: one signed POST of JSON over
 * TLS, with limits of time and size. It follows no redirect, and connects only to the very address that it
 * has judged: no private network, unless the settings allow it.
 */
import { createHmac } from 'node:crypto'
import { lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { Agent, request } from 'undici'
import { isForbiddenAddress } from '#platform/http-service/forbidden-address.ts'
import { Fault } from '#schemas/fault.ts'
import { type OwnListener, whyNoService } from '../../local-systems/check-address.ts'

/** `secret`: base64. `id` is the same at each try. */
export type PostSigned = (q: {
  url: string
  id: string
  body: string
  secret: string
  now: number
}) => Promise<'sent' | 'gone'>

const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 16 * 1024
const GONE = 410

/** Networks that are not everybody's. */
const inside = new BlockList()
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
] as const)
  inside.addSubnet(network, bits, 'ipv4')
inside.addSubnet('fc00::', 7, 'ipv6')
inside.addAddress('::1', 'ipv6')

/** `ca`: PEM of a CA that is trusted beside those of the system, for tests. */
export function createPostSigned(q: {
  networks: BlockList
  own: readonly OwnListener[]
  ca?: string
}): PostSigned {
  const { networks, own, ca } = q
  const mayConnect = (address: string, port: number): boolean => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (isForbiddenAddress(address) || whyNoService({ address, port }, own) !== undefined) return false
    return !inside.check(address, family) || networks.check(address, family)
  }
  const guardedLookup =
    (port: number): LookupFunction =>
    (hostname, options, callback) => {
      lookup(hostname, options, (error, address, family) => {
        const found =
          error === null ? [address].flat().map((one) => (typeof one === 'string' ? one : one.address)) : []
        const fault = found.every((one) => mayConnect(one, port)) ? error : refused()
        callback(fault as NodeJS.ErrnoException | null, address as string, family)
      })
    }
  return async ({ url, id, body, secret, now }) => {
    const target = new URL(url)
    const host = target.hostname.replace(/^\[|\]$/g, '')
    const port = Number(target.port || (target.protocol === 'http:' ? 80 : 443))
    // A host that is an address is not looked up.
    if (isIP(host) !== 0 && !mayConnect(host, port)) throw refused()
    const at = String(Math.floor(now / 1000))
    const mac = createHmac('sha256', Buffer.from(secret, 'base64')).update(`${id}.${at}.${body}`)
    const dispatcher = new Agent({
      connect: { timeout: TIMEOUT_MS, lookup: guardedLookup(port), ...(ca !== undefined && { ca }) },
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    })
    try {
      const reply = await request(url, {
        method: 'POST',
        headers: {
          ...{ 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': at },
          'webhook-signature': `v1,${mac.digest('base64')}`,
        },
        ...{ body, dispatcher, signal: AbortSignal.timeout(2 * TIMEOUT_MS) },
      })
      const { statusCode } = reply
      await reply.body.dump({ limit: MAX_ANSWER_BYTES })
      if (statusCode === GONE) return 'gone'
      if (statusCode < 200 || statusCode > 299)
        throw new Fault('service_failed', { what: `the webhook answered HTTP ${statusCode}` })
      return 'sent'
    } catch (cause) {
      if (cause instanceof Fault) throw cause
      throw new Fault('service_failed', { what: 'the webhook cannot be reached' })
    } finally {
      await dispatcher.destroy()
    }
  }
}

function refused(): Fault {
  return new Fault('service_failed', { what: 'no webhook may lie at the address of its host' })
}
