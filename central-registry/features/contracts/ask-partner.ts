/**
 * Asks the registry of another instance for its list of contracts, for contents and for seals, and verifies
 * each answer.
 */
import { createHash, randomUUID } from 'node:crypto'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import {
  MAX_PARTNER_LIST_BYTES,
  verifyCounterSeal,
  verifyPartnerList,
} from '#core/contract/between-instances.ts'
import { instancesOf } from '#core/contract/parties.ts'
import { contentText, MAX_CONTENT_BYTES, readContent } from '#core/contract/read-content.ts'
import { readKeptSeal, verifySeal } from '#core/contract/verify-seal.ts'
import type { Clock } from '#platform/clock.ts'
import {
  CONTRACT_DOCUMENT,
  type ContractContent,
  type PartnerContract,
  type PartnerList,
  type PartnerPlace,
  type PartnerQuery,
} from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { parseMemberId } from '#schemas/identifiers.ts'
import { checkFresh, describeCertificate } from '../../documents/verify-signer.ts'
import type { PostToPartner } from './client.ts'
import type { Received } from './partner-store.ts'
import type { PartnerInstance } from './partners.ts'

/** The exchange with one partner in one round. */
export type Round = {
  partner: PartnerInstance
  own: string
  /** The questions and bytes that this round has used; both are limited. */
  spent: { questions: number; bytes: number }
  signal: AbortSignal
}

/** Logs a failure; the same message for the same `key` is logged once. */
export type Warn = (key: string, thrown: unknown, what: object, text: string) => void

const LISTS = 'registration/v1/partner-contracts/lists'
const ITEMS = 'registration/v1/partner-contracts/items'
const MAX_ITEMS_BYTES = 8 * 1024 * 1024
const HASHES_AT_ONCE = 100
const MOST_QUESTIONS = 50
const MOST_BYTES = 32 * 1024 * 1024
/** Seals of members and registries are at most this long; contents are shorter. */
const MAX_ITEM_BYTES = 128 * 1024

export function createPartnerQuestions(q: {
  signDocument(document: object, type: string): Promise<string>
  post: PostToPartner
  clock: Clock
  warn: Warn
}) {
  async function ask(round: Round, path: string, more: Pick<PartnerQuery, 'hashes' | 'after'>) {
    const { instance, registration } = round.partner
    const id = randomUUID()
    const question: PartnerQuery = {
      ...{ id, createdAt: new Date(q.clock()).toISOString(), instance: round.own, asked: instance },
      ...more,
    }
    const document = await q.signDocument(question, CONTRACT_DOCUMENT.partnerQuery)
    const most = path === LISTS ? MAX_PARTNER_LIST_BYTES : MAX_ITEMS_BYTES
    return { id, bytes: await q.post(registration!, path, document, most, round.signal) }
  }

  async function listOf(round: Round, after: PartnerPlace | undefined): Promise<PartnerList> {
    const { partner, own } = round
    const { id, bytes } = await ask(round, LISTS, after === undefined ? {} : { after })
    const list = verifyPartnerList(bytes, partner.certificates)
    if (list.instance !== partner.instance || list.asked !== own || list.answers !== id)
      throw new Fault('access_denied', { what: 'the answer is to another question' })
    checkFresh({ id, createdAt: list.generatedAt, signer: '' }, q.clock())
    return list
  }

  /** The items that the partner sent in this round, by SHA-256. */
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
        // Nothing new, so the partner gives us none of these hashes.
        left = missing.length === left.length ? missing.slice(some.length) : missing
      }
    } catch (thrown) {
      const { instance } = round.partner
      q.warn(`${instance} items`, thrown, { instance }, 'contents and seals of another instance did not come')
    }
    return found
  }

  return { listOf, itemsOf }
}

/** What the partner sent for a listed version, each part verified. Throws when a part is invalid. */
export function receivedOf(listed: PartnerContract, items: Map<string, Buffer>, q: Round): Received {
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

/** The items by their SHA-256, without those that are larger than any content or seal. */
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

/** Seals of our own members are made here, so another registry's copies tell us nothing new. */
function isOfPartner(message: Buffer, { instance }: PartnerInstance): boolean {
  return parseMemberId(readKeptSeal(message).signer).instance === instance
}

/**
 * Reads the content with the listed hash. Throws `invalid_contract` unless it is canonical JSON, of the
 * listed version, and between exactly these two instances.
 */
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
