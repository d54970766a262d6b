/**
 * The door to the time-stamping authorities. Guarantees a token that verifies against the configuration's own copy of the
 * authority's certificate, with that certificate in it (wire 4.2), that says a time of now, and with the status of the
 * authority as of now beside it.
 */
import { Agent, request } from 'undici'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { buildTimeStampRequest } from '#core/timestamp/time-stamp-request.ts'
import { readTimeStampResponse } from '#core/timestamp/time-stamp-response.ts'
import { verifyTimeStampToken } from '#core/timestamp/verify-token.ts'
import { addTsaCertificate } from '#core/timestamp/write-token.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { StampDigest } from '../../message-log/evidence-renewal/renewal.ts'
import { authoritiesOf } from './fetch-status.ts'

const TIMEOUT_MS = 15_000
const MAX_BYTES = 256 * 1024
/** An authority that failed is asked after the others for so long: a backlog must not wait for it at each batch. */
const REST_MS = 60_000
/** An authority whose clock is further off would date signatures before they were made, or too late to be of use. */
const MAX_OFF_MS = 5 * 60_000
/** Of our own: whatever the environment says of proxies, authorities are asked themselves. */
const dispatcher = new Agent()

/** What a time-stamping authority gave: the token, the chain of its certificate, and OCSP responses for that chain. */
type TimeStampAnswer = { token: Buffer; certificates: Buffer[]; ocspResponses: Buffer[] }

type Rooms = {
  clock: Clock
  /** The configuration in force; throws when there is none. */
  configuration(): ConfigurationIndex
  /** OCSP responses of now for certificates and their authorities, as they came; without those that cannot be had. */
  fetchStatus(certificates: Certificate[]): Promise<Buffer[]>
  /** Hears what time an authority signed just now, also when it is too far from ours to be taken. */
  heard(q: { by: string; time: Date }): void
}

/**
 * Asks the configured authorities in their order, those that failed just now last; throws `timestamping_failed` with what
 * the last one said.
 */
export function createTimeStampClient(
  rooms: Rooms,
): (imprint: Buffer, digest?: StampDigest) => Promise<TimeStampAnswer> {
  const failedAt = new Map<string, number>()
  const isResting = (url: string): boolean => rooms.clock() - (failedAt.get(url) ?? 0) < REST_MS
  return async (imprint, digest = 'SHA-512') => {
    const configuration = rooms.configuration()
    const urls = configuration.tsaUrls.map(({ url }) => url)
    let failure: unknown
    for (const url of [...urls.filter((one) => !isResting(one)), ...urls.filter(isResting)]) {
      try {
        const answer = await stampAt(url, { imprint, digest }, configuration, rooms)
        failedAt.delete(url)
        return answer
      } catch (cause) {
        failedAt.set(url, rooms.clock())
        failure = cause
      }
    }
    const what =
      configuration.tsaUrls.length === 0
        ? 'the configuration names no authority'
        : 'no authority answered well'
    throw new Fault('timestamping_failed', { what, cause: failure })
  }
}

async function stampAt(
  url: string,
  asked: { imprint: Buffer; digest: StampDigest },
  configuration: ConfigurationIndex,
  rooms: Rooms,
): Promise<TimeStampAnswer> {
  const reply = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/timestamp-query' },
    body: buildTimeStampRequest(asked),
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    signal: AbortSignal.timeout(2 * TIMEOUT_MS),
    dispatcher,
  })
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of reply.body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BYTES) throw new Fault('malformed_timestamp', { what: 'the answer is too large' })
    chunks.push(chunk)
  }
  if (reply.statusCode !== 200) throw new Fault('timestamping_failed', { what: `HTTP ${reply.statusCode}` })
  const given = readTimeStampResponse(Buffer.concat(chunks))
  const { certificate, time } = verifyTimeStampToken({
    token: given,
    imprint: asked.imprint,
    tsaCertificates: configuration.tsaCertificates,
  })
  rooms.heard({ by: 'a time-stamping authority', time })
  if (Math.abs(time.getTime() - rooms.clock()) > MAX_OFF_MS)
    throw new Fault('timestamp_invalid', { what: `the authority says ${time.toISOString()}` })
  const chain = authoritiesOf(certificate, configuration)
  return {
    token: addTsaCertificate(given, certificate),
    certificates: [certificate, ...chain.map(({ ca }) => ca)].map(({ der }) => der),
    ocspResponses: await rooms.fetchStatus([certificate]),
  }
}
