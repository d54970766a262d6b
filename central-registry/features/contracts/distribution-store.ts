/**
 * Reads the contracts that a security server may see: those of its clients, and the standard terms of groups
 * to which its clients belong.
 */
import { graceHoursOf } from '#core/contract/grace-hours.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { ContractQuery, ContractSide, ListedContract, ListedMandate } from '#schemas/contract.ts'
import type { Change } from '../../changes/store.ts'
import { type ContractPolicy, readPolicy } from '../../contract-versions/policy-store.ts'
import { contentOf, versionOf } from '../../contract-versions/rows-store.ts'
import { OPEN, stateAt, waitsFor } from '../../contract-versions/rules.ts'
import { type SignedWith, takeDocument, takeWord } from '../../documents/taken-store.ts'
import { isRequired, sidesWithout } from '../../members/contacts/rules.ts'
import { type ContactStore, ownInstance } from '../../members/contacts/store.ts'
import { LIVE } from '../../register/live-contracts-store.ts'
import type { ContractRow, RegisterTables } from '../../register/tables.ts'
import { isBetween } from './acts-store.ts'
import { type PartnerWord, stateBetween } from './between.ts'
import { listedMandates } from './listed-mandates-store.ts'
import { createServerReach } from './server-reach-store.ts'
import type { UnlistedMandates } from './unlisted-mandates.ts'

const MANY = 500
/**
 * States of versions that are not in force yet or may never have been: a terminated one may have waited for
 * approval.
 */
const BEFORE: ReadonlySet<string> = new Set([...OPEN, 'TERMINATED', 'DECLINED', 'WITHDRAWN'])

export type DistributionStore = ReturnType<typeof createDistributionStore>
export function createDistributionStore(
  database: Database,
  record: Change,
  contacts: Pick<ContactStore, 'asks' | 'statesOf'>,
  unlisted?: Pick<UnlistedMandates, 'note'>,
) {
  const tables = tablesOf<RegisterTables>(database)
  const reach = createServerReach(tables)

  /** The last reports of other registries about contracts between them and us. */
  async function wordsOf(rows: ContractRow[]): Promise<WordRow[]> {
    const words: WordRow[] = []
    const ids = betweenInstances(rows)
    for (let at = 0; at < ids.length; at += MANY)
      words.push(
        ...(await tables
          .selectFrom('contract_partner')
          .select(['contract', 'version', 'instance', 'hash', 'state', 'reason', 'heard_at as heardAt'])
          .where('contract', 'in', ids.slice(at, at + MANY))
          .execute()),
      )
    return words
  }

  /**
   * When each version came into force, by contract and version: at its last approval, or at its last seal if
   * no approval was needed.
   */
  async function begunAt(rows: ContractRow[]): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    const begun = rows.filter(({ state }) => !BEFORE.has(state))
    const ids = [...new Set(begun.map(({ contract }) => contract))]
    for (let at = 0; at < ids.length; at += MANY) {
      const events = await tables
        .selectFrom('contract_event')
        .select(['contract', 'version', 'act', 'at'])
        .where('contract', 'in', ids.slice(at, at + MANY))
        .where('act', 'in', ['complete', 'approve'])
        .orderBy('id')
        .execute()
      for (const { contract, version, at: when } of events) found.set(`${contract} ${Number(version)}`, when)
    }
    return found
  }

  async function counterSealsFor(rows: ContractRow[]): Promise<CounterRow[]> {
    const seals: CounterRow[] = []
    const ids = betweenInstances(rows)
    for (let at = 0; at < ids.length; at += MANY)
      seals.push(
        ...(await tables
          .selectFrom('contract_counter_seal')
          .select(['sha256', 'contract', 'version', 'hash'])
          .where('contract', 'in', ids.slice(at, at + MANY))
          .orderBy('instance')
          .execute()),
      )
    return seals
  }

  return {
    /** Records the id of another registry's question. Throws `replayed_request`. */
    take: (question: { id: string; createdAt: string }, now: number) =>
      record((transaction) => takeDocument(transaction, question, now)),
    /**
     * Records the question's id, so that nobody can replay a captured one. Throws `access_denied`,
     * `suspended` or `replayed_request`.
     */
    takeQuestion: (question: SignedWith<ContractQuery>, now: number) =>
      record((transaction) => takeWord(transaction, question, now)),
    async listFor(
      server: string,
      now: number,
    ): Promise<{
      policy: ContractPolicy
      contracts: ListedContract[]
      hostingMandates: ListedMandate[] | undefined
    }> {
      const reached = await reach(server, now)
      const { rows, seals } = reached
      const bySeal = Map.groupBy(seals, ({ contract, version }) => `${contract} ${Number(version)}`)
      const at = new Date(now).toISOString()
      const words = await wordsOf(rows)
      const counterSeals = await counterSealsFor(rows)
      const begun = await begunAt(rows)
      const live = contacts.asks ? rows.filter((row) => LIVE.includes(row.state)) : []
      const states = await contacts.statesOf(live, at)
      const policy = await readPolicy(tables)
      const own = await ownInstance(tables)
      const missingIn = (row: ContractRow): ContractSide[] => {
        const content = contentOf(row)
        const known = states.get(row.hash)
        const isAsked = OPEN.includes(row.state) && isRequired(content, policy.confirmedContacts)
        return isAsked && known !== undefined ? sidesWithout(content, known, own) : []
      }
      const contracts = rows.map((row): ListedContract => {
        const known = states.get(row.hash)
        const inForceAt = BEFORE.has(row.state) ? undefined : begun.get(`${row.contract} ${row.version}`)
        const sealed = bySeal.get(`${row.contract} ${row.version}`) ?? []
        const counters = counterSeals.filter((one) => isOf(one, row))
        const missing = missingIn(row)
        const { state, reason } = effective(row, words, at)
        const signed = sealed.filter((one) => one.subsystems === null).map(({ member }) => member)
        return {
          contract: row.contract,
          version: row.version,
          hash: row.hash,
          state,
          seals: sealed.map(({ sha256 }) => sha256),
          waitsFor: waitsFor({ state: row.state, content: contentOf(row) }, signed),
          ...(reason === null ? {} : { reason }),
          ...{ proposedBy: row.proposed_by, proposedAt: row.proposed_at, changedAt: row.changed_at },
          ...(inForceAt === undefined ? {} : { inForceAt }),
          ...(known === undefined ? {} : { contacts: known }),
          ...(missing.length === 0 ? {} : { contactsMissing: missing }),
          ...(counters.length === 0 ? {} : { counterSeals: counters.map(({ sha256 }) => sha256) }),
        }
      })
      const listed = await listedMandates(tables, { reach: reached, contracts, at })
      unlisted?.note(server, listed?.leftOut ?? 0)
      return { policy, contracts, hostingMandates: listed?.mandates }
    },
    /**
     * The contents and seals with these hashes that this server may see. Others are left out, as if they did
     * not exist.
     */
    async itemsFor(
      server: string,
      hashes: string[],
      now: number,
    ): Promise<{ sha256: string; content: Buffer }[]> {
      const { rows, seals } = await reach(server, now)
      const wanted = new Set(hashes)
      const contents = rows
        .filter(({ hash }) => wanted.has(hash))
        .map(({ hash, content }) => ({ sha256: hash, content: Buffer.from(content) }))
      const counters = (await counterSealsFor(rows)).filter(({ sha256 }) => wanted.has(sha256))
      for (const { sha256 } of counters) {
        const row = await tables
          .selectFrom('contract_counter_seal')
          .select('message')
          .where('sha256', '=', sha256)
          .executeTakeFirst()
        if (row !== undefined) contents.push({ sha256, content: Buffer.from(row.message) })
      }
      const names = seals.filter(({ sha256 }) => wanted.has(sha256)).map(({ sha256 }) => sha256)
      if (names.length === 0) return contents
      const found = await tables
        .selectFrom('contract_seal')
        .select(['sha256', 'message'])
        .where('sha256', 'in', names)
        .execute()
      return [...contents, ...found.map(({ sha256, message }) => ({ sha256, content: message }))]
    },
  }
}

type WordRow = Pick<ContractRow, 'contract' | 'version' | 'hash'> & PartnerWord
type CounterRow = Pick<ContractRow, 'contract' | 'version' | 'hash'> & { sha256: string }

function betweenInstances(rows: ContractRow[]): string[] {
  return [...new Set(rows.filter((row) => isBetween(contentOf(row))).map(({ contract }) => contract))]
}

function isOf(one: Pick<ContractRow, 'contract' | 'version' | 'hash'>, row: ContractRow): boolean {
  return one.contract === row.contract && Number(one.version) === row.version && one.hash === row.hash
}

function effective(row: ContractRow, words: WordRow[], now: string): Pick<ContractRow, 'state' | 'reason'> {
  const content = contentOf(row)
  const own = { state: stateAt(versionOf(row), now), reason: row.reason }
  if (!isBetween(content)) return own
  const word = words.find((one) => isOf(one, row))
  return stateBetween({ ...own, graceHours: graceHoursOf(content), changedAt: row.changed_at }, word, now)
}
