/**
 * Asks CAs about the certificates of peers that are relied on, each one once in an interval. What a fresh answer says revoked is refused
 * from then on, until a newer answer says good. Without an answer nothing changes: the peer's own OCSP response has to be fresh anyway.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import { CLOCK_SKEW_MS } from '#core/certificate/ocsp-response.ts'
import { readOcspStatus } from '#core/certificate/ocsp-status.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { IssuingCa } from '#core/configuration/index-trust.ts'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { FetchOcsp } from '../../keys/client.ts'
import type { ReliedOn } from '../../peer/relied-on.ts'
import type { createRevocationStore, Revoked } from './store.ts'

/** A responder that failed is not asked again for so long, so that it does not hold up those of other CAs. */
const REST_MS = 30_000
const AT_ONCE = 8

export type Answered = 'good' | 'revoked' | 'unknown' | 'failed'

type Rooms = {
  clock: Clock
  log: Log
  store: ReturnType<typeof createRevocationStore>
  reliedOn: { list(): ReliedOn[] }
  globalConfiguration: Pick<GlobalConfiguration, 'current' | 'obeyRevocations'>
  fetchOcsp: FetchOcsp
  intervalMs: number
  count(answered: Answered): void
}

type Asked = { certificate: Certificate; instance: string }
type Status = { status: Answered; thisUpdate: Date }

export function createAuthorityQuestions(rooms: Rooms) {
  const { clock, store, globalConfiguration } = rooms
  const askedAt = new Map<string, number>()
  const restsUntil = new Map<string, number>()
  let revoked = new Map<string, Revoked>()

  const isDueAt = (now: number, { certificate }: Asked): boolean =>
    now - (askedAt.get(certificate.sha256) ?? Number.NEGATIVE_INFINITY) >= rooms.intervalMs
  const due = (): Asked[] => {
    const now = clock()
    // A clock that was ahead and was put right must not silence the questions.
    for (const [sha256, at] of askedAt) if (at > now) askedAt.delete(sha256)
    return [...rooms.reliedOn.list(), ...revoked.values()].filter((one) => isDueAt(now, one))
  }

  async function obeyStored(): Promise<void> {
    const stored = await store.list(new Date(clock()))
    const isSame =
      stored.length === revoked.size && stored.every(({ certificate: { sha256 } }) => revoked.has(sha256))
    revoked = new Map(stored.map((one) => [one.certificate.sha256, one]))
    if (!isSame) globalConfiguration.obeyRevocations(new Set(revoked.keys()))
  }

  async function askOne({ certificate, instance }: Asked): Promise<Status> {
    const index = inForce(globalConfiguration)?.indexFor(instance)
    const issuer = index?.caOf(certificate)
    for (const url of issuer?.ocspUrls ?? []) {
      if (clock() < (restsUntil.get(url) ?? 0)) continue
      try {
        const response = await rooms.fetchOcsp(url, buildOcspRequest(certificate, issuer!.ca))
        return read(certificate, response, issuer!, index!, clock())
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown
        restsUntil.set(url, clock() + REST_MS)
      }
    }
    return { status: 'failed', thisUpdate: new Date(0) }
  }

  async function settle(asked: Asked): Promise<void> {
    const { certificate, instance } = asked
    const { sha256 } = certificate
    askedAt.set(sha256, clock())
    const { status, thisUpdate } = await askOne(asked)
    rooms.count(status)
    const known = revoked.get(sha256)
    if (status === 'revoked' && known === undefined) {
      await store.put({ certificate, instance, since: thisUpdate })
      rooms.log.warn({ instance, certificate: sha256 }, 'a CA revoked a certificate of a peer')
    }
    if (status === 'good' && known !== undefined && thisUpdate > known.since) {
      await store.remove(sha256, thisUpdate)
      rooms.log.warn({ instance, certificate: sha256 }, 'a CA took the revocation of a certificate back')
    }
  }

  return {
    obeyStored,
    isDue: (): boolean => due().length > 0,
    revoked: (): number => revoked.size,
    async ask(): Promise<void> {
      const queue = due()
      const isWanted = new Set(queue.map(({ certificate }) => certificate.sha256))
      const work = async (): Promise<void> => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          await settle(next)
          // At once, not after the slowest responder of the round.
          await obeyStored()
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, work))
      const now = clock()
      for (const [sha256, at] of askedAt)
        if (!isWanted.has(sha256) && now - at > 2 * rooms.intervalMs) askedAt.delete(sha256)
    },
  }
}

/** Throws unless it is a fresh answer about this certificate that its CA stands behind. */
function read(
  certificate: Certificate,
  response: Buffer,
  { ca: issuer, responders }: IssuingCa,
  { ocspFreshnessSeconds }: ConfigurationIndex,
  now: number,
): Status {
  const found = readOcspStatus({ response, certificate, issuer, responders })
  const made = found?.thisUpdate.getTime() ?? Number.NaN
  const isFresh = made <= now + CLOCK_SKEW_MS && made + ocspFreshnessSeconds * 1000 > now
  if (found === undefined || !isFresh) throw new Fault('incorrect_validation_info')
  return { status: found.status, thisUpdate: found.thisUpdate }
}
