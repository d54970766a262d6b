/**
 * Contracts between instances, from registry to registry: each asks the other every 15 s for what there is between both and takes what
 * it can verify; each answers only questions signed by a key of an instance that it trusts. What one version lacks keeps out no other.
 * A partner has so long, so many pages, questions and bytes a round: what came is taken, the rest is asked for in the next one.
 */
import { createHash, randomUUID } from 'node:crypto'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { readCertificate } from '#core/certificate/certificate.ts'
import {
  claimedInstance,
  MAX_PARTNER_LIST_BYTES,
  verifyCounterSeal,
  verifyPartnerList,
  verifyPartnerQuery,
} from '#core/contract/between-instances.ts'
import { instancesOf } from '#core/contract/parties.ts'
import { contentText, MAX_CONTENT_BYTES, readContent } from '#core/contract/read-content.ts'
import { readKeptSeal, verifySeal } from '#core/contract/verify-seal.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Log } from '#platform/logging/create-log.ts'
import {
  CONTRACT_DOCUMENT,
  type ContractContent,
  type PartnerContract,
  type PartnerList,
  type PartnerPlace,
  type PartnerQuery,
} from '#schemas/contract.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { parseMemberId } from '#schemas/identifiers.ts'
import { OPEN } from '../../contract-versions/rules.ts'
import { checkFresh, describeCertificate } from '../../documents/verify-signer.ts'
import { instanceOf } from '../../members/instance.ts'
import type { MemberStore } from '../../members/store.ts'
import { LIVE } from '../../register/live-contracts-store.ts'
import type { PostToPartner } from './client.ts'
import type { DistributionStore } from './distribution-store.ts'
import type { PartnerListStore } from './partner-list-store.ts'
import { type PartnerStore, type Received, wordOf } from './partner-store.ts'
import type { PartnerInstance, PartnerInstances } from './partners.ts'

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

const LISTS = 'registration/v1/partner-contracts/lists'
const ITEMS = 'registration/v1/partner-contracts/items'
const MAX_ITEMS_BYTES = 8 * 1024 * 1024
const ANSWERED_BYTES = 2 * 1024 * 1024
const HASHES_AT_ONCE = 100
/** What one registry suspends is known to the other within a minute, whatever a third one does: a round is this, then 15 s. */
const ROUND_MS = 20_000
/** Of a list; what is in force beyond them is told to nobody, which is said loudly. */
const MOST_PAGES = 10
const MOST_QUESTIONS = 50
const MOST_BYTES = 32 * 1024 * 1024

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
  const { store, views, clock, log } = rooms
  /** What went wrong last, so that it is said once. */
  const said = new Map<string, string>()

  const warn = (key: string, thrown: unknown, what: object, text: string): void => {
    const { message } = asFault(thrown)
    if (said.get(key) === message) return
    if (said.size > 10_000) said.clear()
    said.set(key, message)
    log.warn({ err: thrown, ...what }, text)
  }

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

  async function ask(round: Round, path: string, more: Pick<PartnerQuery, 'hashes' | 'after'>) {
    const { instance, registration } = round.partner
    const id = randomUUID()
    const question: PartnerQuery = {
      ...{ id, createdAt: new Date(clock()).toISOString(), instance: round.own, asked: instance },
      ...more,
    }
    const document = await rooms.signDocument(question, CONTRACT_DOCUMENT.partnerQuery)
    const most = path === LISTS ? MAX_PARTNER_LIST_BYTES : MAX_ITEMS_BYTES
    return { id, bytes: await rooms.post(registration!, path, document, most, round.signal) }
  }

  async function listOf(round: Round, after: PartnerPlace | undefined): Promise<PartnerList> {
    const { partner, own } = round
    const { id, bytes } = await ask(round, LISTS, after === undefined ? {} : { after })
    const list = verifyPartnerList(bytes, partner.certificates)
    if (list.instance !== partner.instance || list.asked !== own || list.answers !== id)
      throw new Fault('access_denied', { what: 'the answer is to another question' })
    checkFresh({ id, createdAt: list.generatedAt, signer: '' }, clock())
    return list
  }

  /** What of it came in this round. */
  async function itemsOf(round: Round, hashes: string[]): Promise<Map<string, Buffer>> {
    const found = new Map<string, Buffer>()
    const { spent } = round
    try {
      for (let left = hashes; left.length > 0; ) {
        if (spent.questions >= MOST_QUESTIONS || spent.bytes > MOST_BYTES || round.signal.aborted) break
        const some = left.slice(0, HASHES_AT_ONCE)
        const { bytes } = await ask(round, ITEMS, { hashes: some })
        spent.questions += 1
        spent.bytes += bytes.length
        for (const [sha256, given] of itemsIn(bytes)) if (some.includes(sha256)) found.set(sha256, given)
        const missing = left.filter((one) => !found.has(one))
        // Nothing new: it has none of these for us.
        left = missing.length === left.length ? missing.slice(some.length) : missing
      }
    } catch (thrown) {
      const { instance } = round.partner
      warn(`${instance} items`, thrown, { instance }, 'contents and seals of another instance did not come')
    }
    return found
  }

  function receivedOf(listed: PartnerContract, items: Map<string, Buffer>, q: Round): Received {
    const bytes = items.get(listed.hash)
    const content = bytes === undefined ? undefined : contentIn(bytes, listed, q)
    const seals = listed.seals.flatMap((sha256) => {
      const message = items.get(sha256)
      if (message === undefined || !isOfPartner(message, q.partner)) return []
      const one = verifySeal(message, q.partner.index)
      const facts = { signingCertificate: describeCertificate(one.signature.certificate) }
      return [{ ...one, facts, message }]
    })
    const message = listed.counterSeal === undefined ? undefined : items.get(listed.counterSeal)
    const counterSeal =
      message === undefined ? undefined : { ...verifyCounterSeal(message, q.partner.certificates), message }
    return { content, seals, counterSeal }
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

/** One partner in one round. */
type Round = {
  partner: PartnerInstance
  own: string
  /** So much of what it may be asked for was asked. */
  spent: { questions: number; bytes: number }
  signal: AbortSignal
}

const NOT_DONE = 'what it lists could not all be taken in one round; it goes on in the next'
/** A seal of a member or a registry is at most so long, a content is smaller. */
const MAX_ITEM_BYTES = 128 * 1024

function keyOf({ contract, version }: { contract: string; version: number }): string {
  return `${contract} ${version}`
}

/** By the SHA-256 of what came; what is larger than any content or seal is left out. */
function itemsIn(bytes: Buffer): Map<string, Buffer> {
  const { items } = parseStrictJson(bytes, { maxLength: MAX_ITEMS_BYTES, maxDepth: 4 }) as { items?: unknown }
  const found = new Map<string, Buffer>()
  for (const item of Array.isArray(items) ? items.slice(0, HASHES_AT_ONCE) : []) {
    const { content } = (item ?? {}) as { content?: unknown }
    if (typeof content !== 'string' || content.length > (MAX_ITEM_BYTES / 3) * 4 + 4) continue
    const given = Buffer.from(content, 'base64')
    found.set(createHash('sha256').update(given).digest('hex'), given)
  }
  return found
}

/** Our own members seal here: what another registry has of them says nothing new. */
function isOfPartner(message: Buffer, { instance }: PartnerInstance): boolean {
  return parseMemberId(readKeptSeal(message).signer).instance === instance
}

/** The content under the listed hash: canonical, of the listed version, and of both instances, no others. */
function contentIn(bytes: Buffer, listed: PartnerContract, { partner, own }: Round): ContractContent {
  if (bytes.length > MAX_CONTENT_BYTES)
    throw new Fault('invalid_contract', { what: `it is larger than ${MAX_CONTENT_BYTES} bytes` })
  const content = readContent(parseStrictJson(bytes))
  if (contentText(content) !== bytes.toString('utf8'))
    throw new Fault('invalid_contract', { what: 'the content is not canonical JSON' })
  if (content.contract !== listed.contract || content.version !== listed.version)
    throw new Fault('invalid_contract', { what: 'its content is of another contract than listed' })
  if (instancesOf(content).join() !== [own, partner.instance].sort().join())
    throw new Fault('invalid_contract', { what: `it is not between ${own} and ${partner.instance}` })
  return content
}
