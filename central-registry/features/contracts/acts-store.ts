/**
 * The steps in the life of a contract version, within the transaction of an act: new state and event, seals,
 * notices to the parties.
 */

import type { Kysely } from 'kysely'
import { partnerOf } from '#core/contract/parties.ts'
import type { Within } from '#platform/database/open-database.ts'
import type { ContractContent, ContractSeal, ContractSide } from '#schemas/contract.ts'
import { asFault } from '#schemas/fault.ts'
import { parseSubsystemId } from '#schemas/identifiers.ts'
import { counted } from '../../changes/store.ts'
import {
  type Decision,
  moveVersion,
  type Notify,
  tellParties,
} from '../../contract-versions/move-version-store.ts'
import { readPolicy } from '../../contract-versions/policy-store.ts'
import {
  addEvent,
  checkOverlaps,
  contentOf,
  joinedOf,
  readFacts,
  setState,
  signersOf,
  versionOf,
  versionsOf,
} from '../../contract-versions/rows-store.ts'
import {
  type Act,
  checkFamily,
  checkParties,
  impossible,
  isPossible,
  needsApproval,
  next,
  OPEN,
  stateAt,
  supersededAt,
} from '../../contract-versions/rules.ts'
import { isRequired, sidesWithout } from '../../members/contacts/rules.ts'
import { knownOf, ownInstance } from '../../members/contacts/store.ts'
import { endOf, suspendedAmong, suspendedIn } from '../../register/suspended-store.ts'
import type { ContractRow, RegisterTables } from '../../register/tables.ts'
import type { FreshSeal } from './documents.ts'
import { NO_PARTNERS, type Partners } from './partners.ts'

export type ContractActRooms = {
  notify: Notify
  /** Records within the transaction that the suspension list has to be signed anew. */
  announce: (transaction: Within) => Promise<void>
  partners?: Partners | undefined
}
/**
 * The most undecided proposals of one member, and the most proposals a day. More are a mistake or an attack.
 */
const MAX_OPEN = 100
const MAX_A_DAY = 500
const DAY_MS = 86_400_000

/** What is kept of a seal beside its bytes. */
export type SealFacts = FreshSeal['facts'] & Pick<ContractSeal, 'mandated' | 'server'>

export type ContractActs = ReturnType<typeof createContractActs>

export function createContractActs({ notify, announce, partners = NO_PARTNERS }: ContractActRooms) {
  const tell = (transaction: Kysely<RegisterTables>, row: ContractRow, event: string): Promise<void> =>
    tellParties(transaction, row, event, notify)

  const move = (
    transaction: Kysely<RegisterTables>,
    row: ContractRow,
    act: Act,
    decision: Decision,
    reason?: string,
  ): Promise<ContractRow> => moveVersion(transaction, row, { act, reason, decision, notify })

  /**
   * Ends a contract for good: this version and all others that are open or in force, which would bring it
   * back later. Throws `contract_not_possible` when this version has ended already.
   */
  async function terminate(
    transaction: Kysely<RegisterTables>,
    row: ContractRow,
    rows: ContractRow[],
    decision: Decision,
    reason?: string,
  ): Promise<ContractRow> {
    const others = rows.filter(
      ({ version, state }) => version !== row.version && isPossible(state, 'terminate'),
    )
    const moved = await move(transaction, row, 'terminate', decision, reason)
    for (const one of others) await move(transaction, one, 'terminate', decision, reason)
    return moved
  }

  /**
   * Ends the suspension together with the contract. Only for the registry's own termination by two persons: a
   * person who may not lift a suspension must not end it in another way.
   */
  async function endSuspension(transaction: Kysely<RegisterTables>, contract: string, decision: Decision) {
    const rows = await versionsOf(transaction, contract)
    if (rows.some(({ state }) => state === 'SUSPENDED')) return
    if (await endOf(transaction, contract, decision)) await announce(transaction)
  }

  /** What the register, and for other instances their configurations, know about a contract's parties now. */
  const factsOf = (transaction: Kysely<RegisterTables>, content: ContractContent) =>
    readFacts(transaction, content, partners.isRegistered)

  /** The sides that have no confirmed contact although the policy requires one. */
  async function withoutContact(
    transaction: Kysely<RegisterTables>,
    content: ContractContent,
    at: string,
  ): Promise<ContractSide[]> {
    const { confirmedContacts } = await readPolicy(transaction)
    if (!isRequired(content, confirmedContacts)) return []
    const states = (await knownOf(transaction, content, at)).map(({ state }) => state)
    return sidesWithout(content, states, await ownInstance(transaction))
  }

  /**
   * Throws `contract_not_possible` unless the parties are registered, the contract is neither suspended nor
   * terminated, nobody who sealed it is suspended, no other contract covers the same calls, and contacts are
   * confirmed where the policy requires it.
   */
  async function checkMayBegin(
    transaction: Kysely<RegisterTables>,
    row: ContractRow,
    at: string,
  ): Promise<void> {
    const content = contentOf(row)
    const facts = await factsOf(transaction, content)
    checkParties(content, facts)
    const versions = (await versionsOf(transaction, row.contract)).map(versionOf)
    checkFamily({ ...facts, versions }, at)
    await checkSealers(transaction, row)
    await checkOverlaps(transaction, content, await joinedOf(transaction, row), at)
    const without = await withoutContact(transaction, content, at)
    if (without.length > 0) throw impossible(`no contact of the ${without.join(' or of the ')} is confirmed`)
  }

  /** Records that this registry agrees to a contract between instances. The counter-seal follows later. */
  async function agree(
    transaction: Kysely<RegisterTables>,
    row: ContractRow,
    decision: Decision,
  ): Promise<ContractRow> {
    if (row.agreed_at !== null)
      throw impossible(
        'this registry has agreed to it already; it waits for the registry of the other instance',
      )
    await checkMayBegin(transaction, row, decision.at)
    await transaction
      .updateTable('contract_version')
      .set({ agreed_at: decision.at, changed_at: decision.at })
      .where('contract', '=', row.contract)
      .where('version', '=', row.version)
      .execute()
    await addEvent(transaction, row, { act: 'approve', ...decision })
    return { ...row, agreed_at: decision.at, changed_at: decision.at }
  }

  /**
   * Called after the last seal. The version comes into force, or waits for the registry's approval or
   * confirmed contacts; a contract between instances waits for both registries.
   */
  async function complete(
    transaction: Kysely<RegisterTables>,
    row: ContractRow,
    at: string,
  ): Promise<ContractRow> {
    const content = contentOf(row)
    const decision = { by: 'all parties', at }
    const waits =
      needsApproval(content, await readPolicy(transaction)) ||
      (await withoutContact(transaction, content, at)).length > 0
    if (!isBetween(content))
      return waits ? move(transaction, row, 'complete', decision) : activate(transaction, row, decision)
    const accepted = await move(transaction, row, 'complete', decision)
    return waits ? accepted : agree(transaction, accepted, { by: 'the policy of this registry', at })
  }

  /**
   * Continues with a version that waited only for confirmed contacts, as after its last seal. A version that
   * still waits for something else, or that cannot begin, stays as it is.
   */
  async function goOn(transaction: Kysely<RegisterTables>, row: ContractRow, at: string): Promise<void> {
    const content = contentOf(row)
    if (row.state !== 'ACCEPTED' || row.agreed_at !== null) return
    if (needsApproval(content, await readPolicy(transaction))) return
    const decision = { by: 'the policy of this registry', at }
    try {
      await (isBetween(content) ? agree : activate)(transaction, row, decision)
    } catch (thrown) {
      // Nothing was written, because all checks come before the first write.
      if (asFault(thrown).code !== 'contract_not_possible') throw thrown
    }
  }

  /** Puts a version that all agreed on into force. Throws as `checkMayBegin`. */
  async function activate(
    transaction: Kysely<RegisterTables>,
    row: ContractRow,
    decision: Decision,
  ): Promise<ContractRow> {
    await checkMayBegin(transaction, row, decision.at)
    const act = row.state === 'PROPOSED' ? 'complete' : 'approve'
    const moved = await setState(transaction, row, { state: 'ACTIVE' }, { act, ...decision })
    await tell(transaction, moved, 'ACTIVE')
    await supersede(transaction, row.contract, decision.at)
    return moved
  }

  async function supersede(transaction: Kysely<RegisterTables>, contract: string, at: string): Promise<void> {
    const rows = await versionsOf(transaction, contract)
    for (const { version } of supersededAt(rows.map(versionOf), at)) {
      const row = rows.find((one) => one.version === version)!
      const to = { state: next(row.state, 'supersede') }
      await setState(transaction, row, to, { act: 'supersede', by: 'a newer version', at })
    }
  }

  function checkOpen(row: ContractRow, act: Act, at: string): void {
    const now = stateAt(versionOf(row), at)
    // The version has ended, but the job has not recorded that yet.
    if (now !== row.state) throw impossible(`it is ${now} since ${row.valid_until}`)
    next(row.state, act)
  }

  async function keepSeal(
    transaction: Kysely<RegisterTables>,
    row: ContractRow,
    one: FreshSeal,
    q: { message: Buffer; at: string },
  ): Promise<void> {
    const { seal, sha256, facts } = one
    const sealFacts: SealFacts = { ...facts, mandated: seal.mandated, server: seal.server }
    await transaction
      .insertInto('contract_seal')
      .values({
        sha256,
        contract: row.contract,
        version: row.version,
        member: seal.signer,
        subsystems: seal.subsystems === undefined ? null : JSON.stringify(seal.subsystems),
        facts: JSON.stringify(sealFacts),
        message: q.message,
        sealed_at: q.at,
      })
      .execute()
    const act = seal.subsystems === undefined ? 'seal' : 'join'
    const by = `${seal.signer} (${seal.mandated.join(', ')})`
    await addEvent(transaction, row, { act, by, at: q.at })
  }

  return {
    ...{ tell, move, terminate, agree, complete, activate, supersede, checkOpen, keepSeal, signersOf },
    ...{ factsOf, endSuspension, goOn },
  }
}

/**
 * Throws `contract_not_possible` while a member that sealed the version, its server or its certificate is
 * suspended: whoever had its key may have sealed it before.
 */
async function checkSealers(transaction: Kysely<RegisterTables>, row: ContractRow): Promise<void> {
  const seals = await transaction
    .selectFrom('contract_seal')
    .select(['member', 'facts'])
    .where('contract', '=', row.contract)
    .where('version', '=', row.version)
    .where('subsystems', 'is', null)
    .execute()
  const facts = seals.map((one) => JSON.parse(one.facts) as SealFacts)
  const suspended = suspendedAmong(await suspendedIn(transaction), {
    clients: seals.map(({ member }) => member),
    servers: [...new Set(facts.map(({ server }) => server))],
    certificates: [...new Set(facts.map(({ signingCertificate }) => signingCertificate.sha256))],
  })
  if (suspended.length > 0) throw impossible(suspended.join('; '))
}

/** Whether members of two instances are parties. */
export function isBetween(content: ContractContent): boolean {
  return partnerOf(content, parseSubsystemId(content.provider).instance) !== undefined
}

/**
 * Throws `contract_not_possible` when this member has too many undecided proposals or has proposed too much
 * within a day. `by` has the form of the contract's events.
 */
export async function checkNotTooMany(
  transaction: Kysely<RegisterTables>,
  member: string,
  { by, at }: Decision,
): Promise<void> {
  const open = transaction
    .selectFrom('contract_version')
    .where('proposed_by', '=', member)
    .where('state', 'in', OPEN)
  if ((await counted(open)) >= MAX_OPEN)
    throw impossible(`${MAX_OPEN} proposals of this member wait for a decision`)
  const today = transaction
    .selectFrom('contract_event')
    .where('by', '=', by)
    .where('act', 'in', ['propose', 'replace'])
    .where('at', '>', new Date(Date.parse(at) - DAY_MS).toISOString())
  if ((await counted(today)) >= MAX_A_DAY)
    throw impossible(`this member has proposed ${MAX_A_DAY} contents within a day`)
}
