/**
 * Exchanges contracts between instances, from registry to registry. Each asks the other every 15 s for the
 * contracts between both and stores what it can verify. Each answers only questions signed with a key of an
 * instance that it trusts. A version that cannot be accepted does not affect other versions. A round with a
 * partner has limits of time, pages, questions and bytes; what is left is requested in the next round.
 */
import { readCertificate } from '#core/certificate/certificate.ts'
import { claimedInstance, verifyCounterSeal, verifyPartnerQuery } from '#core/contract/between-instances.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Log } from '#platform/logging/create-log.ts'
import {
  CONTRACT_DOCUMENT,
  type PartnerContract,
  type PartnerList,
  type PartnerPlace,
  type PartnerQuery,
} from '#schemas/contract.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { OPEN } from '../../contract-versions/rules.ts'
import { checkFresh } from '../../documents/verify-signer.ts'
import { instanceOf } from '../../members/instance.ts'
import type { MemberStore } from '../../members/store.ts'
import { LIVE } from '../../register/live-contracts-store.ts'
import { createPartnerQuestions, type Round, receivedOf, type Warn } from './ask-partner.ts'
import type { PostToPartner } from './client.ts'
import type { DistributionStore } from './distribution-store.ts'
import type { PartnerListStore } from './partner-list-store.ts'
import { type PartnerStore, wordOf } from './partner-store.ts'
import type { PartnerInstances } from './partners.ts'

type Rooms = {
  store: PartnerStore
  lists: PartnerListStore
  distribution: Pick<DistributionStore, 'take'>
  views: PartnerInstances
  members: Pick<MemberStore, 'parameters'>
  /** DER of the certificates of all keys that sign our configuration, including the active one. */
  ownCertificates(): Promise<Buffer[]>
  signDocument(document: object, type: string): Promise<string>
  post: PostToPartner
  /** Milliseconds for one partner in one round; only tests set it. */
  roundMs?: number | undefined
  clock: Clock
  log: Log
}

const ANSWERED_BYTES = 2 * 1024 * 1024
/**
 * Milliseconds for one partner in one round. The next round begins 15 s later, so one registry learns of a
 * suspension at the other within a minute, whatever a third one does.
 */
const ROUND_MS = 20_000
/** Pages of one list. Contracts in force beyond them are not exchanged, which is logged as a failure. */
const MOST_PAGES = 10

export function partnerContractHandlers(rooms: Rooms): Record<string, OperationHandler> {
  /** Verifies a question, records its id against replay, and returns it with our own instance. */
  async function questionIn(body: unknown): Promise<{ query: PartnerQuery; own: string }> {
    if (!Buffer.isBuffer(body)) throw new Fault('malformed_json', { what: say`a signed document is needed` })
    const now = rooms.clock()
    await rooms.views.load()
    const partner = rooms.views.of(claimedInstance(body))
    if (partner === undefined)
      throw new Fault('access_denied', {
        what: 'its instance is not part of our federation, or not known now',
      })
    const query = verifyPartnerQuery(body, partner.certificates)
    checkFresh({ ...query, signer: '' }, now)
    const own = await instanceOf(rooms.members)
    if (query.asked !== own) throw new Fault('access_denied', { what: 'another registry was asked' })
    await rooms.distribution.take(query, now)
    return { query, own }
  }

  return {
    listPartnerContracts: async ({ body }) => {
      const { query, own } = await questionIn(body)
      const now = rooms.clock()
      const list: PartnerList = {
        ...{
          instance: own,
          asked: query.instance,
          answers: query.id,
          generatedAt: new Date(now).toISOString(),
        },
        ...(await rooms.lists.listFor(query.instance, own, now, { after: query.after })),
      }
      return Buffer.from(await rooms.signDocument(list, CONTRACT_DOCUMENT.partnerList))
    },
    fetchPartnerContracts: async ({ body }) => {
      const { query } = await questionIn(body)
      const items: { content: string }[] = []
      let bytes = 0
      for (const content of await rooms.lists.itemsFor(query.instance, query.hashes ?? [])) {
        bytes += content.length
        if (items.length > 0 && bytes > ANSWERED_BYTES) break
        items.push({ content: content.toString('base64') })
      }
      return { items }
    },
  }
}

/** One round: makes the counter-seals that are due, then exchanges with every partner independently. */
export function createPartnerExchange(rooms: Omit<Rooms, 'lists'>): () => Promise<void> {
  const { store, views, clock } = rooms
  const { said, warn } = createWarnings(rooms.log)
  const { listOf, itemsOf } = createPartnerQuestions({ ...rooms, warn })

  const warnOf = ({ contract, version }: { contract: string; version: number }, text: string) => {
    return (thrown: unknown) => warn(keyOf({ contract, version }), thrown, { contract, version }, text)
  }

  async function counterSeal(own: string): Promise<void> {
    const certificates = (await rooms.ownCertificates()).map((der) => readCertificate(der).sha256)
    if (certificates.length === 0) return
    for (const row of await store.dueForCounterSeal(own, certificates)) {
      const at = new Date(clock()).toISOString()
      const { contract, hash } = row
      const document = { instance: own, contract, version: Number(row.version), hash, at }
      const message = Buffer.from(await rooms.signDocument(document, CONTRACT_DOCUMENT.counterSeal))
      const { sha256, certificate } = verifyCounterSeal(message, await rooms.ownCertificates())
      await store
        .keepCounterSeal(row, { sha256, certificate, message, instance: own, at })
        .catch(warnOf(row, 'a counter-seal was not kept'))
    }
  }

  /**
   * Makes counter-seals, then activates the versions that both registries sealed. A failure with one contract
   * stops neither other contracts nor the exchange with partners.
   */
  async function bringIntoForce(own: string): Promise<void> {
    try {
      await counterSeal(own)
      for (const row of await store.sealedByBoth())
        await store
          .activate(row, new Date(clock()).toISOString())
          .catch(warnOf(row, 'a contract that both registries agreed to is not put in force'))
    } catch (thrown) {
      warn('counter-seals', thrown, {}, 'no contract between instances was counter-sealed')
    }
  }

  async function exchangeWith(round: Round): Promise<void> {
    let after: PartnerPlace | undefined
    for (let page = 0; page < MOST_PAGES; page++) {
      const list = await listOf(round, after)
      await takeAll(round, list)
      after = list.next
      if (after === undefined) return
    }
    throw new Fault('registration_unavailable', {
      what: `more contracts are in force with it than the ${MOST_PAGES} pages of a round: the others are not exchanged`,
    })
  }

  async function takeAll(round: Round, { contracts: listed, generatedAt }: PartnerList): Promise<void> {
    const { partner, own, signal } = round
    // The time at which the partner said so, by the earlier of both clocks: a long round must not make its
    // report look newer.
    const heardAt = new Date(Math.min(Date.parse(generatedAt), clock())).toISOString()
    // We accept seals of our own members only from them directly. Those in the list that we lack are the
    // partner's, or invalid.
    const hashesOf = (one: PartnerContract): string[] => [
      ...[one.hash, ...one.seals],
      ...(one.counterSeal === undefined ? [] : [one.counterSeal]),
    ]
    const known = await store.known(listed.flatMap(hashesOf))
    const isWanted = (one: PartnerContract): boolean =>
      OPEN.includes(one.state) || (known.has(one.hash) && LIVE.includes(one.state))
    // Versions that failed before come last, so that they delay no others.
    const wanted = listed
      .filter(isWanted)
      .sort((a, b) => Number(said.has(keyOf(a))) - Number(said.has(keyOf(b))))
    const hashes = new Set(wanted.flatMap(hashesOf).filter((one) => !known.has(one)))
    const items = await itemsOf(round, [...hashes])
    const words = await store.words(partner.instance)
    const unchanged = listed.filter(
      (one) => words.get(keyOf(one)) === wordOf(one) && !hashesOf(one).some((hash) => items.has(hash)),
    )
    const isUnchanged = new Set(unchanged)
    await store.heardAgain(partner.instance, unchanged, heardAt)
    for (const one of listed) {
      if (isUnchanged.has(one)) continue
      if (signal.aborted) throw new Fault('registration_unavailable', { what: NOT_DONE })
      try {
        const received = receivedOf(one, items, round)
        const at = new Date(clock()).toISOString()
        await store.take(one, received, { partner: partner.instance, own, at, heardAt })
      } catch (thrown) {
        warnOf(one, 'a contract of another instance was not taken')(thrown)
      }
    }
  }

  return async () => {
    const { instance: own } = await rooms.members.parameters()
    if (own === undefined) return
    await views.load()
    await bringIntoForce(own)
    const partners = views.all().filter(({ registration }) => registration !== undefined)
    await Promise.all(
      partners.map((partner) =>
        exchangeWith({
          ...{ partner, own, spent: { questions: 0, bytes: 0 } },
          signal: AbortSignal.timeout(rooms.roundMs ?? ROUND_MS),
        }).then(
          () => said.delete(partner.instance),
          (thrown: unknown) =>
            warn(
              partner.instance,
              thrown,
              { instance: partner.instance },
              'the registry of another instance gave no contracts',
            ),
        ),
      ),
    )
    // A contract may be complete now, so its counter-seal is made at once and not in the next round.
    await bringIntoForce(own)
  }
}

const NOT_DONE = 'what it lists could not all be taken in one round; it goes on in the next'
/** Logs failures, each once for as long as its message stays the same. */
function createWarnings(log: Log): { said: Map<string, string>; warn: Warn } {
  /** The last message by key. */
  const said = new Map<string, string>()

  const warn: Warn = (key, thrown, what, text) => {
    const { message } = asFault(thrown)
    if (said.get(key) === message) return
    if (said.size > 10_000) said.clear()
    said.set(key, message)
    log.warn({ err: thrown, ...what }, text)
  }
  return { said, warn }
}

function keyOf({ contract, version }: { contract: string; version: number }): string {
  return `${contract} ${version}`
}
