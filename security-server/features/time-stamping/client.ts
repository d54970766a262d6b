/**
 * The only module that calls time-stamping authorities. Guarantees that each token verifies against the
 * authority's certificate in the configuration, contains that certificate, and states the present time.
 * Returns the current status of that certificate with it.
 */
import { Agent, request } from 'undici'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { buildTimeStampRequest } from '#core/timestamp/time-stamp-request.ts'
import { readTimeStampResponse } from '#core/timestamp/time-stamp-response.ts'
import { verifyTimeStampToken } from '#core/timestamp/verify-token.ts'
import { addTsaCertificate } from '#core/timestamp/write-token.ts'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { StampDigest } from '../../message-log/evidence-renewal/renewal.ts'
import { authoritiesOf } from './fetch-status.ts'

const TIMEOUT_MS = 15_000
const MAX_BYTES = 256 * 1024
/**
 * For so long an authority that failed is asked only after the others, so that a backlog does not wait for it
 * with each batch.
 */
const REST_MS = 60_000
/**
 * The most that an authority's clock may differ: otherwise signatures would be dated before they were made,
 * or too late to be useful.
 */
const MAX_OFF_MS = 5 * 60_000
/**
 * A dispatcher of its own, so that a proxy from the environment never comes between this server and an
 * authority.
 */
const dispatcher = new Agent()

/** The token of an authority, the certificate chain of its signer, and OCSP responses for that chain. */
type TimeStampAnswer = { token: Buffer; certificates: Buffer[]; ocspResponses: Buffer[] }

type Rooms = {
  clock: Clock
  /** The configuration in force; throws when there is none. */
  configuration(): ConfigurationIndex
  /**
   * Current OCSP responses, as received, for the certificates and the CAs above them. Responses that cannot
   * be fetched are left out.
   */
  fetchStatus(certificates: Certificate[]): Promise<Buffer[]>
  /** Is called with the time of each verified token, even if that time differs too much to be accepted. */
  heard(q: { by: string; time: Date }): void
}

/**
 * Asks the configured authorities in their order, those that failed recently last. Throws
 * `timestamping_failed` with the failure of the last one as its cause.
 */
export function createTimeStampClient(
  rooms: Rooms,
): (imprint: Buffer, digest?: StampDigest) => Promise<TimeStampAnswer> {
  const failedAt = new Map<string, number>()
  const isResting = (url: string): boolean => !hasPassed(rooms.clock(), failedAt.get(url) ?? 0, REST_MS)
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
  const tooLarge = (): Fault => new Fault('malformed_timestamp', { what: say`the answer is too large` })
  const { write, bytes } = collectBytes(MAX_BYTES, tooLarge)
  for await (const chunk of reply.body as AsyncIterable<Buffer>) write(chunk)
  if (reply.statusCode !== 200) throw new Fault('timestamping_failed', { what: `HTTP ${reply.statusCode}` })
  const given = readTimeStampResponse(bytes())
  const { certificate, time } = verifyTimeStampToken({
    token: given,
    imprint: asked.imprint,
    tsaCertificates: configuration.tsaCertificates,
  })
  rooms.heard({ by: 'a time-stamping authority', time })
  if (Math.abs(time.getTime() - rooms.clock()) > MAX_OFF_MS)
    throw new Fault('timestamp_invalid', { what: say`the authority says ${time.toISOString()}` })
  const chain = authoritiesOf(certificate, configuration)
  return {
    token: addTsaCertificate(given, certificate),
    certificates: [certificate, ...chain.map(({ ca }) => ca)].map(({ der }) => der),
    ocspResponses: await rooms.fetchStatus([certificate]),
  }
}
