/**
 * The service contracts of this server's clients: fetched from the registry, verified, stored, and compiled
 * for the message path. The last good contracts are used until their state is too old. A contract that cannot
 * be verified is not in force.
 */
import { randomUUID } from 'node:crypto'
import { claimedInstance, readKeptCounterSeal, verifyCounterSeal } from '#core/contract/between-instances.ts'
import { instancesOf } from '#core/contract/parties.ts'
import { readKeptSeal, verifySeal } from '#core/contract/verify-seal.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import { createTurn } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import {
  CONTRACT_DOCUMENT,
  type ContractContent,
  type ContractList,
  type ContractSeal,
  type CounterSeal,
  type ListedContract,
  MAX_CONTRACT_LIST_BYTES,
} from '#schemas/contract.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { idText, type MemberId, memberOf, type ServerId, subsystemOf } from '#schemas/identifiers.ts'
import { checkNotOverdue } from '../overdue.ts'
import type { PostDocument } from '../registration/client.ts'
import { takesDocuments } from '../registration/verify-answer.ts'
import type { ConfigurationSnapshot } from '../snapshot.ts'
import { type ContractQuestion, contractFor, termsOfRefused } from './contract-for.ts'
import { fetchItems } from './fetch-items.ts'
import {
  type FoundMandate,
  hostingMandateFor,
  indexMandates,
  type MandateIndex,
  type MandateQuestion,
} from './hosting-mandates.ts'
import {
  type ContractIndex,
  type ContractQuota,
  indexContracts,
  NO_TERMS,
  type RecordTerms,
} from './index-contracts.ts'
import { secrecyBetween } from './secrecy.ts'
import { type ContractItem, type ContractKeep, createContractKeep } from './store.ts'
import { assembleContract, type KeptContract, readContentBytes } from './verify-contract.ts'
import { readList, verifyList } from './verify-list.ts'

/** A contract that the registry lists and that was refused here, with the reason. */
type RefusedContract = { listed: ListedContract; reason: string }

export type Contracts = {
  /**
   * See `contractFor` in contract-for.ts. Throws `contracts_outdated` also before the first list was fetched.
   */
  contractFor(q: ContractQuestion): RecordTerms
  /** See `termsOfRefused` in contract-for.ts. */
  termsOfRefused(q: Pick<ContractQuestion, 'client' | 'service'>): RecordTerms
  /** See `hostingMandateFor` in hosting-mandates.ts. */
  hostingMandateFor(q: MandateQuestion): FoundMandate | undefined
  /** The quota of a version, by its name in `RecordTerms`; undefined when the parties agreed on none. */
  quotaOf(contract: string): ContractQuota | undefined
  /**
   * Whether the suspension list of one of its parties' instances names the contract, also after the
   * contract's end. False while there is no valid configuration: then no call is accepted anyway.
   */
  isSuspended(content: ContractContent): boolean
  /** How secret the relation of two members (in text form) is: see `secrecyBetween` in secrecy.ts. */
  secrecyBetween(a: string, b: string): 0 | 1 | 2
  /** Fetches now; throws when that fails. */
  refresh(): Promise<void>
  /** For the job: fetches when the last good list is older than half a minute. */
  refreshWhenDue(): Promise<void>
  isRefreshDue(): boolean
  view(): {
    asOf: string | undefined
    required: boolean
    contracts: KeptContract[]
    refused: RefusedContract[]
  }
  /**
   * The contents of all versions that were ever in force, also of those no longer listed: log records name
   * them.
   */
  contentsInForce(): Promise<ContractContent[]>
  /** Sends a signed document about a contract; returns the answer's bytes. */
  send(path: ContractPath, document: string): Promise<Buffer>
  agreements: Pick<ContractKeep, 'agree' | 'agreements' | 'forget' | 'end' | 'endings' | 'forgetEnding'>
}

/** Paths of the registration API, below `/contracts`. */
type ContractPath = '' | '/seals' | '/acts' | '/contacts/confirmations' | '/contacts/letters'

type Sign = (q: { document: unknown; type: string; member: MemberId }) => Promise<string>

const BASE = '/registration/v1/contracts'
const REFRESH_MS = 30_000
/** The registry lists a contract in one of these states before log records can name it. */
const IN_FORCE: ReadonlySet<string> = new Set(['ACTIVE', 'SUSPENDED'])
const MAX_ITEMS_BYTES = 8 * 1024 * 1024

/** Restores the stored contracts; fetches nothing yet. */
export async function createContracts(q: {
  server: ServerId
  database: Database
  clock: Clock
  log: Log
  /** Also one that is past its end, as long as any contract may go on by it. Throws while there is none. */
  configuration: () => ConfigurationSnapshot
  signJson: Sign
  post: PostDocument
}): Promise<Contracts> {
  const keep = createContractKeep(q.database)
  const inTurn = createTurn()
  const server = idText(q.server)
  const owner = memberOf(q.server)
  let list: ContractList | undefined
  let index: ContractIndex | undefined
  let mandates: MandateIndex | undefined
  let lastSuccess = Number.NEGATIVE_INFINITY
  let taken = new Map<string, KeptContract>()
  let refused: RefusedContract[] = []

  const signed = async (type: string, more: object): Promise<{ id: string; document: string }> => {
    const id = randomUUID()
    const head = { id, createdAt: new Date(q.clock()).toISOString(), signer: idText(owner), server }
    return { id, document: await q.signJson({ document: { ...head, ...more }, type, member: owner }) }
  }

  /** Takes the listed contracts into use, out of verified items. `refused` gets the others, with reasons. */
  function take(next: ContractList, sealsOf: Sealed, items: Map<string, Buffer>): void {
    const before = taken
    taken = new Map()
    const wasRefused = new Set(refused.map(({ listed, reason }) => `${listed.hash} ${reason}`))
    refused = []
    for (const listed of next.contracts) {
      const key = JSON.stringify(listed)
      try {
        const known = before.get(key)
        taken.set(key, known ?? assemble(listed, sealsOf, items))
      } catch (thrown) {
        const { message, detail } = asFault(thrown)
        refused.push({ listed, reason: message })
        const { contract, version } = listed
        if (!wasRefused.has(`${listed.hash} ${message}`))
          q.log.warn({ contract, version, err: thrown, detail }, 'a contract was not taken')
      }
    }
    list = next
    index = indexContracts({
      required: next.contractRequired,
      asOf: Date.parse(next.generatedAt),
      contracts: [...taken.values()],
      refused: refused.map(({ listed }) => ({
        ...{ listed, bytes: items.get(listed.hash) },
        seals: listed.seals.flatMap((one) => sealsOf.seals.get(one) ?? []),
      })),
      owner: idText(owner),
    })
    mandates = indexMandates(next)
  }

  function assemble(
    listed: ListedContract,
    { seals, counterSeals }: Sealed,
    items: Map<string, Buffer>,
  ): KeptContract {
    const content = items.get(listed.hash)
    if (content === undefined) throw new Fault('invalid_contract', { what: 'the registry gave no content' })
    // A seal that is absent, or did not verify, counts as missing.
    return assembleContract(
      listed,
      content,
      listed.seals.flatMap((one) => seals.get(one) ?? []),
      (listed.counterSeals ?? []).flatMap((one) => counterSeals.get(one) ?? []),
    )
  }

  async function fetchList(): Promise<void> {
    const snapshot = q.configuration()
    if (!takesDocuments(snapshot)) return
    const configuration = snapshot.index
    const query = await signed(CONTRACT_DOCUMENT.query, {})
    const bytes = await q.post(`${BASE}/lists`, query.document, MAX_CONTRACT_LIST_BYTES)
    const next = verifyList(bytes, { configuration, server, question: query.id, now: q.clock() })
    const news = next.contracts.filter((listed) => !taken.has(JSON.stringify(listed)))
    const hashes = hashesOf(news)
    const kept = await keep.items(hashes)
    const fetched = await fetchItems(
      [...new Set(hashes)].filter((hash) => !kept.has(hash)),
      async (some) => {
        const { document } = await signed(CONTRACT_DOCUMENT.fetch, { hashes: some })
        return q.post(`${BASE}/items`, document, MAX_ITEMS_BYTES)
      },
    )
    const items = new Map([...kept].map(([sha256, { content }]) => [sha256, content]))
    const sealed = sealsIn(kept)
    const added: ContractItem[] = []
    const contents = new Set(news.map(({ hash }) => hash))
    const counters = new Set(news.flatMap(({ counterSeals = [] }) => counterSeals))
    for (const [sha256, content] of fetched) {
      if (contents.has(sha256)) items.set(sha256, content)
      else {
        try {
          if (counters.has(sha256)) sealed.counterSeals.set(sha256, counterSealIn(content, snapshot))
          else sealed.seals.set(sha256, verifySeal(content, (instance) => snapshot.indexFor(instance)).seal)
        } catch (thrown) {
          q.log.warn({ err: thrown, seal: sha256 }, 'a seal of a contract does not verify')
          continue
        }
      }
      const kind = contents.has(sha256) ? 'content' : counters.has(sha256) ? 'counter-seal' : 'seal'
      added.push({ sha256, kind, content })
    }
    await keep.keep(JSON.stringify(next), added, {
      listed: new Set(hashesOf(next.contracts)),
      inForce: hashesOf(news.filter(({ state }) => IN_FORCE.has(state))),
    })
    take(next, sealed, items)
    lastSuccess = q.clock()
  }

  const refresh = (): Promise<void> => inTurn(fetchList)

  await restore()
  async function restore(since = Number.NEGATIVE_INFINITY): Promise<boolean> {
    const document = await keep.list()
    if (document === undefined) return false
    const last = readList(JSON.parse(document), 'list')
    if (Date.parse(last.generatedAt) <= since) return false
    // The stored list belongs to another server or instance: the database was used by it before.
    if (last.server !== server) return false
    const items = await keep.items(hashesOf(last.contracts))
    take(last, sealsIn(items), new Map([...items].map(([sha256, { content }]) => [sha256, content])))
    return true
  }

  /** What another node has fetched and verified since; so that several ask the registry as often as one. */
  async function takeOver(): Promise<boolean> {
    const own = list === undefined ? Number.NEGATIVE_INFINITY : Date.parse(list.generatedAt)
    const isNewer = await restore(Math.max(own, q.clock() - REFRESH_MS))
    if (isNewer) lastSuccess = Math.min(q.clock(), Date.parse(list!.generatedAt))
    return isNewer
  }

  const isRefreshDue = (): boolean => hasPassed(q.clock(), lastSuccess, REFRESH_MS)
  return {
    contractFor(question) {
      const snapshot = q.configuration()
      const { client, service } = question
      // The suspension list may be newer than the contract list. The instance of each party may stop a call.
      const instances = [q.server.instance, client.instance, service.instance]
      if (index === undefined || !takesDocuments(snapshot) || neverInGrace(question, snapshot))
        checkNotOverdue(snapshot, instances)
      if (!takesDocuments(snapshot)) return NO_TERMS
      if (index === undefined && question.isElsewhere === true) return NO_TERMS
      if (index === undefined)
        throw new Fault('contracts_outdated', { what: 'the registry has not been asked yet' })
      const isSuspended = (id: string): boolean =>
        instances.some((one) => snapshot.suspensionsIn(one).ofContract(id))
      return contractFor(index, question, isSuspended, snapshot.overdue(instances))
    },
    hostingMandateFor: (question) => hostingMandateFor(mandates, question),
    quotaOf: (contract) => index?.quotas.get(contract),
    termsOfRefused: (question) => (index === undefined ? NO_TERMS : termsOfRefused(index, question)),
    isSuspended: (content) => {
      try {
        const snapshot = q.configuration()
        return [q.server.instance, ...instancesOf(content)].some((one) =>
          snapshot.suspensionsIn(one).ofContract(content.contract),
        )
      } catch (thrown) {
        if (thrown instanceof Fault) return false
        throw thrown
      }
    },
    secrecyBetween: (a, b) => secrecyBetween([...taken.values()], { owner: idText(owner), members: [a, b] }),
    refresh,
    async refreshWhenDue() {
      if (!isRefreshDue()) return
      if (!(await inTurn(takeOver))) await refresh()
    },
    isRefreshDue,
    view: () => ({
      asOf: list?.generatedAt,
      required: list?.contractRequired ?? false,
      contracts: [...taken.values()],
      refused,
    }),
    contentsInForce: async () =>
      (await keep.contentsInForce()).flatMap(({ sha256, content }) => {
        try {
          return [readContentBytes(content, sha256)]
        } catch (thrown) {
          q.log.warn({ err: thrown, content: sha256 }, 'a contract that was kept cannot be read any more')
          return []
        }
      }),
    send: (path, document) => q.post(`${BASE}${path}`, document),
    agreements: keep,
  }
}

/** What keeps the instance going waits for its registry, whatever a contract says. */
function neverInGrace(
  { service, neverInGrace }: ContractQuestion,
  { index }: ConfigurationSnapshot,
): boolean {
  const management = index.privateParameters?.managementService?.providerId
  const isManagement = management !== undefined && idText(management) === idText(subsystemOf(service))
  return neverInGrace === true || isManagement
}

type Sealed = { seals: Map<string, ContractSeal>; counterSeals: Map<string, CounterSeal> }

function sealsIn(items: Map<string, ContractItem>): Sealed {
  const sealed: Sealed = { seals: new Map(), counterSeals: new Map() }
  for (const { sha256, kind, content } of items.values()) {
    if (kind === 'seal') sealed.seals.set(sha256, readKeptSeal(content))
    if (kind === 'counter-seal') sealed.counterSeals.set(sha256, readKeptCounterSeal(content))
  }
  return sealed
}

function hashesOf(all: ListedContract[]): string[] {
  return all.flatMap(({ hash, seals, counterSeals = [] }) => [hash, ...seals, ...counterSeals])
}

/** Verifies a counter-seal with the certificates that the configuration names for the seal's instance. */
function counterSealIn(bytes: Buffer, snapshot: ConfigurationSnapshot): CounterSeal {
  const sources = snapshot.indexFor(claimedInstance(bytes))?.shared.sources ?? []
  const certificates = sources.flatMap((one) => [
    ...one.internalVerificationCerts,
    ...one.externalVerificationCerts,
  ])
  return verifyCounterSeal(bytes, certificates).seal
}
