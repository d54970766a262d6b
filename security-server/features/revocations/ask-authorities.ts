/**
 * Asks CAs about the certificates of peers that are relied on, each one once in an interval. What a fresh
 * answer says revoked is refused from then on, until a newer answer says good. Without an answer nothing
 * changes: the peer's own OCSP response has to be fresh anyway.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import { CLOCK_SKEW_MS } from '#core/certificate/ocsp-response.ts'
import { readOcspStatus } from '#core/certificate/ocsp-status.ts'
import type { IssuingCa } from '#core/configuration/index-trust.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { workQueues } from '#platform/work-queues.ts'
import { Fault } from '#schemas/fault.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import { certificateIn, lasting } from '../../global-configuration/snapshot.ts'
import type { FetchOcsp } from '../../keys/client.ts'
import type { ReliedOn } from '../../peer/relied-on.ts'
import type { createRevocationStore, Revoked } from './store.ts'

/**
 * A responder that was not reached is left alone for so long, so that it does not hold up those of other CAs.
 */
const REST_MS = 5_000
/** For each instance whose CAs are asked. */
const AT_ONCE = 8
/** Of one CA: an instance may publish any number. */
const MAX_ADDRESSES = 4
/**
 * For one round: those of other instances that are slow are asked again in the next, and delay no question
 * that falls due meanwhile.
 */
const DEADLINE_MS = 10_000

export type Answered = 'good' | 'revoked' | 'unknown' | 'failed'

type Rooms = {
  clock: Clock
  log: Log
  store: ReturnType<typeof createRevocationStore>
  reliedOn: { list(): ReliedOn[] }
  globalConfiguration: Pick<GlobalConfiguration, 'currentWithin' | 'obeyRevocations'>
  fetchOcsp: FetchOcsp
  intervalMs: number
  count(answered: Answered): void
}

type Issuer = IssuingCa & { freshnessSeconds: number }
type Asked = { certificate: Certificate; instance: string }
type Status = { status: Answered; thisUpdate: Date }

const FAILED: Status = { status: 'failed', thisUpdate: new Date(0) }

export function createAuthorityQuestions(rooms: Rooms) {
  const { clock, store, globalConfiguration } = rooms
  const askedAt = new Map<string, number>()
  /** Since when there has been no answer about a certificate. */
  const answeredAt = new Map<string, number>()
  /** When responders were last not reached. */
  const failedAt = new Map<string, number>()
  let revoked = new Map<string, Revoked>()

  const isDueAt = (now: number, one: Asked): boolean =>
    now - (askedAt.get(nameOf(one)) ?? Number.NEGATIVE_INFINITY) >= rooms.intervalMs
  const isWaiting = (one: Asked): boolean => {
    if (failedAt.size === 0) return false
    const { ocspUrls = [] } = issuerOf(one) ?? {}
    const addresses = ocspUrls.slice(0, MAX_ADDRESSES)
    return addresses.length > 0 && addresses.every(rests)
  }
  const watched = (): Map<string, Asked> =>
    new Map([...rooms.reliedOn.list(), ...revoked.values()].map((one) => [nameOf(one), one]))
  const due = (): Asked[] => {
    const now = clock()
    // A clock that was ahead and was put right must not silence the questions.
    for (const [name, at] of askedAt) if (at > now) askedAt.delete(name)
    return [...watched().values()].filter((one) => isDueAt(now, one) && !isWaiting(one))
  }

  async function obeyStored(): Promise<void> {
    const stored = await store.list(new Date(clock()))
    const isSame = stored.length === revoked.size && stored.every((one) => revoked.has(nameOf(one)))
    revoked = new Map(stored.map((one) => [nameOf(one), one]))
    if (!isSame) globalConfiguration.obeyRevocations(new Set(revoked.keys()))
  }

  const issuerOf = ({ certificate, instance }: Asked): Issuer | undefined => {
    const index = lasting(globalConfiguration)?.indexFor(instance)
    const issuer = index?.caOf(certificate)
    return issuer && { ...issuer, freshnessSeconds: index!.ocspFreshnessSeconds }
  }

  const rests = (url: string): boolean =>
    !hasPassed(clock(), failedAt.get(url) ?? Number.NEGATIVE_INFINITY, REST_MS)

  /**
   * Undefined when no responder was reached. One that was answers for other certificates, whatever it said of
   * this one.
   */
  async function askOne(asked: Asked, isLate: () => boolean): Promise<Status | undefined> {
    const issuer = issuerOf(asked)
    const urls = issuer?.ocspUrls.slice(0, MAX_ADDRESSES) ?? []
    let found = urls.length === 0 ? FAILED : undefined
    for (const url of urls) {
      if (isLate()) break
      if (rests(url)) continue
      try {
        const response = await rooms.fetchOcsp(url, buildOcspRequest(asked.certificate, issuer!.ca))
        failedAt.delete(url)
        return read(asked.certificate, response, issuer!, clock())
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown
        if (thrown.code !== 'network_error') {
          found = FAILED
          continue
        }
        if (!failedAt.has(url)) rooms.log.warn({ host: hostOf(url) }, 'an OCSP responder does not answer')
        failedAt.set(url, clock())
      }
    }
    return found
  }

  /** Whether what is revoked has changed. */
  async function settle(asked: Asked, isLate: () => boolean): Promise<boolean> {
    const { certificate, instance } = asked
    const { sha256 } = certificate
    const name = nameOf(asked)
    const answer = await askOne(asked, isLate)
    // The next round may have asked it again already.
    if (isLate()) return false
    if (answer === undefined) {
      // It stays due.
      rooms.count('failed')
      return false
    }
    const { status, thisUpdate } = answer
    askedAt.set(name, clock())
    if (status !== 'failed') answeredAt.set(name, clock())
    rooms.count(status)
    const known = revoked.get(name)
    if (status === 'revoked' && known === undefined) {
      await store.put({ certificate, instance, since: thisUpdate })
      rooms.log.warn({ instance, certificate: sha256 }, 'a CA revoked a certificate of a peer')
      return true
    }
    if (status === 'good' && known !== undefined && thisUpdate > known.since) {
      await store.remove(asked, thisUpdate)
      rooms.log.warn({ instance, certificate: sha256 }, 'a CA took the revocation of a certificate back')
      return true
    }
    return false
  }

  return {
    obeyStored,
    isDue: (): boolean => due().length > 0,
    revoked: (): number => revoked.size,
    /** The longest time, in seconds, for which no CA has answered about a certificate that is relied on. */
    unansweredSeconds(): number {
      const now = clock()
      const since = rooms.reliedOn.list().map((one) => answeredAt.get(nameOf(one)) ?? now)
      return Math.max(0, now - since.reduce((oldest, at) => Math.min(oldest, at), now)) / 1000
    },
    async ask(): Promise<void> {
      // What other nodes learned meanwhile.
      await obeyStored()
      const queue = due()
      for (const one of queue) if (!answeredAt.has(nameOf(one))) answeredAt.set(nameOf(one), clock())
      await workQueues({
        queues: [...Map.groupBy(queue, ({ instance }) => instance).values()],
        ...{ atOnce: AT_ONCE, deadlineMs: DEADLINE_MS },
        async work(one, isLate) {
          // At once, not after the slowest responder of the round.
          if (await settle(one, isLate)) await obeyStored()
        },
      })
      const kept = watched()
      for (const times of [askedAt, answeredAt])
        for (const name of times.keys()) if (!kept.has(name)) times.delete(name)
    },
  }
}

function nameOf({ instance, certificate }: Asked): string {
  return certificateIn(instance, certificate.sha256)
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'a malformed address'
}

/** Throws unless it is a fresh answer about this certificate that its CA stands behind. */
function read(
  certificate: Certificate,
  response: Buffer,
  { ca: issuer, responders, freshnessSeconds }: Issuer,
  now: number,
): Status {
  const found = readOcspStatus({ response, certificate, issuer, responders })
  const made = found?.thisUpdate.getTime() ?? Number.NaN
  const isFresh = made <= now + CLOCK_SKEW_MS && made + freshnessSeconds * 1000 > now
  if (found === undefined || !isFresh) throw new Fault('incorrect_validation_info')
  return { status: found.status, thisUpdate: found.thisUpdate }
}
