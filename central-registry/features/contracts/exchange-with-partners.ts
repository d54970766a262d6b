/**
 * Contracts between instances, from registry to registry: each asks the other every 15 s for what there is between both and takes what
 * it can verify; each answers only questions signed by a key of an instance that it trusts. What one version lacks keeps out no other.
 * A partner has so long, so many pages, questions and bytes a round: what came is taken, the rest is asked for in the next one.
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
  /** DER of the keys that sign our configuration, the active one among them. */
  ownCertificates(): Promise<Buffer[]>
  signDocument(document: object, type: string): Promise<string>
  post: PostToPartner
  /** For one partner in one round; less only in tests. */
  roundMs?: number | undefined
  clock: Clock
  log: Log
}

const ANSWERED_BYTES = 2 * 1024 * 1024
/** What one registry suspends is known to the other within a minute, whatever a third one does: a round is this, then 15 s. */
const ROUND_MS = 20_000
/** Of a list; what is in force beyond them is told to nobody, which is said loudly. */
const MOST_PAGES = 10

export function partnerContractHandlers(rooms: Rooms): Record<string, OperationHandler> {
  /** The verified question, used up, with the instance that asks. */
  async function questionIn(body: unknown): Promise<{ query: PartnerQuery; own: string }> {
    if (!Buffer.isBuffer(body)) throw new Fault('malformed_json', { what: 'a signed document is needed' })
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
    await rooms.distribution.take(query.id, now)
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

/** One round: counter-seals that are due, then every partner, each apart. */
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

  /** Our own agreement is kept apart from what it leads to; what stands against one contract stops no other, and asking nobody. */
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
    // When it said so, by its own clock if that is behind ours: a long round makes no word newer.
    const heardAt = new Date(Math.min(Date.parse(generatedAt), clock())).toISOString()
    // Seals of our own members come from here, not from there: those that we lack are of theirs, or of nobody.
    const hashesOf = (one: PartnerContract): string[] => [
      ...[one.hash, ...one.seals],
      ...(one.counterSeal === undefined ? [] : [one.counterSeal]),
    ]
    const known = await store.known(listed.flatMap(hashesOf))
    const isWanted = (one: PartnerContract): boolean =>
      OPEN.includes(one.state) || (known.has(one.hash) && LIVE.includes(one.state))
    // What was refused before comes last, so that it holds up nothing.
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
    // What came may have completed a contract: its counter-seal need not wait for the next round.
    await bringIntoForce(own)
  }
}

const NOT_DONE = 'what it lists could not all be taken in one round; it goes on in the next'
/** Says what goes wrong, each thing once for as long as it stays the same. */
function createWarnings(log: Log): { said: Map<string, string>; warn: Warn } {
  /** What went wrong last. */
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
