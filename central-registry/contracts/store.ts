/**
 * Rows of contracts. Each act is one transaction, alone among all nodes: it names the content's hash and is judged against the
 * states of that moment, so that of two decisions one wins and the other is told.
 */
import type { Kysely } from 'kysely'
import { groupOf, namedConsumers } from '#core/contract/parties.ts'
import { checkSealFits } from '#core/contract/verify-seal.ts'
import type { ContractAct, ContractProposal, ContractState } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import type { ContractRow, Tables } from '../migrations/tables.ts'
import { takeDocument } from '../requests/rows-store.ts'
import { type Change, counted } from '../store.ts'
import { endOf } from '../suspensions/rows-store.ts'
import type { FreshSeal } from './documents.ts'
import { type Decision, moveVersion, type Notify, tellParties } from './move-store.ts'
import { readPolicy } from './policy-store.ts'
import {
  addEvent,
  addParties,
  checkOverlaps,
  contentOf,
  joinedOf,
  putVersion,
  readFacts,
  rowOfHash,
  setState,
  versionOf,
  versionsOf,
} from './rows-store.ts'
import {
  type Act,
  checkFamily,
  checkMemberAct,
  checkParties,
  checkProposal,
  impossible,
  isComplete,
  isPossible,
  needsApproval,
  next,
  OPEN,
  partiesOf,
  stateAt,
  supersededAt,
} from './rules.ts'

export type ContractStore = ReturnType<typeof createContractStore>

/** What one member may leave undecided, and propose in a day: more is an error or an attack. */
const MAX_OPEN = 100
const MAX_A_DAY = 500
const DAY_MS = 86_400_000
const MAX_JOINED = 50

type Rooms = {
  record: Change
  notify: Notify
  /** Within the transaction: the list of who is suspended has to be signed anew. */
  announce: (transaction: Kysely<unknown>) => Promise<void>
}

export function createContractStore({ record, notify, announce }: Rooms) {
  const tell = (transaction: Kysely<Tables>, row: ContractRow, event: string): Promise<void> =>
    tellParties(transaction, row, event, notify)

  const move = (
    transaction: Kysely<Tables>,
    row: ContractRow,
    act: Act,
    decision: Decision,
    reason?: string,
  ): Promise<ContractRow> => moveVersion(transaction, row, { act, reason, decision, notify })

  /** What is terminated for good needs nobody to confirm or lift its suspension. */
  async function endSuspension(transaction: Kysely<Tables>, contract: string, decision: Decision) {
    const rows = await versionsOf(transaction, contract)
    if (rows.some(({ state }) => state === 'SUSPENDED')) return
    if (await endOf(transaction, contract, decision))
      await announce(transaction as unknown as Kysely<unknown>)
  }

  /** Puts a version in force that all agreed on, unless the registry or time stands against it. */
  async function activate(
    transaction: Kysely<Tables>,
    row: ContractRow,
    decision: Decision,
  ): Promise<ContractRow> {
    const content = contentOf(row)
    const facts = await readFacts(transaction, content)
    checkParties(content, facts)
    checkFamily(
      { ...facts, versions: (await versionsOf(transaction, row.contract)).map(versionOf) },
      decision.at,
    )
    const consumers = await joinedOf(transaction, row)
    await checkOverlaps(transaction, content, consumers, decision.at)
    const act = row.state === 'PROPOSED' ? 'complete' : 'approve'
    const moved = await setState(transaction, row, { state: 'ACTIVE' }, { act, ...decision })
    await tell(transaction, moved, 'ACTIVE')
    await supersede(transaction, row.contract, decision.at)
    return moved
  }

  async function supersede(transaction: Kysely<Tables>, contract: string, at: string): Promise<void> {
    const rows = await versionsOf(transaction, contract)
    for (const { version } of supersededAt(rows.map(versionOf), at)) {
      const row = rows.find((one) => one.version === version)!
      const to = { state: next(row.state, 'supersede') }
      await setState(transaction, row, to, { act: 'supersede', by: 'a newer version', at })
    }
  }

  function checkOpen(row: ContractRow, act: Act, at: string): void {
    const now = stateAt(versionOf(row), at)
    // Not written down yet, but over.
    if (now !== row.state) throw impossible(`it is ${now} since ${row.valid_until}`)
    next(row.state, act)
  }

  async function checkNotTooMany(transaction: Kysely<Tables>, signer: string, now: number): Promise<void> {
    const open = transaction
      .selectFrom('contract_version')
      .where('proposed_by', '=', signer)
      .where('state', 'in', OPEN)
    if ((await counted(open)) >= MAX_OPEN)
      throw impossible(`${MAX_OPEN} proposals of this member wait for a decision`)
    const today = transaction
      .selectFrom('contract_event')
      .where('by', '=', signer)
      .where('act', 'in', ['propose', 'replace'])
      .where('at', '>', new Date(now - DAY_MS).toISOString())
    if ((await counted(today)) >= MAX_A_DAY)
      throw impossible(`this member has proposed ${MAX_A_DAY} contents within a day`)
  }

  async function keepSeal(
    transaction: Kysely<Tables>,
    row: ContractRow,
    one: FreshSeal,
    q: { message: Buffer; at: string },
  ): Promise<void> {
    const { seal, sha256, facts } = one
    await transaction
      .insertInto('contract_seal')
      .values({
        sha256,
        contract: row.contract,
        version: row.version,
        member: seal.signer,
        subsystems: seal.subsystems === undefined ? null : JSON.stringify(seal.subsystems),
        facts: JSON.stringify({ ...facts, mandated: seal.mandated, server: seal.server }),
        message: q.message,
        sealed_at: q.at,
      })
      .execute()
    const act = seal.subsystems === undefined ? 'seal' : 'join'
    const by = `${seal.signer} (${seal.mandated.join(', ')})`
    await addEvent(transaction, row, { act, by, at: q.at })
  }

  async function signersOf(transaction: Kysely<Tables>, row: ContractRow): Promise<string[]> {
    const rows = await transaction
      .selectFrom('contract_seal')
      .select('member')
      .where('contract', '=', row.contract)
      .where('version', '=', row.version)
      .where('subsystems', 'is', null)
      .execute()
    return rows.map(({ member }) => member)
  }

  /** A member of the group joins with subsystems that are in it. */
  async function join(
    transaction: Kysely<Tables>,
    row: ContractRow,
    subsystems: string[],
    at: string,
  ): Promise<void> {
    const content = contentOf(row)
    const group = groupOf(content)!
    const members = await transaction
      .selectFrom('global_group_member')
      .select('client')
      .where('group_code', '=', group)
      .where('client', 'in', subsystems)
      .execute()
    const known = new Set(members.map(({ client }) => client))
    const outside = subsystems.filter((one) => !known.has(one))
    if (outside.length > 0) throw impossible(`${outside.join(', ')} is not in the global group ${group}`)
    const joined = await joinedOf(transaction, row)
    const again = subsystems.filter((one) => joined.includes(one))
    if (again.length > 0) throw impossible(`${again.join(', ')} has joined already`)
    await checkOverlaps(transaction, content, subsystems, at)
    await addParties(transaction, row, subsystems, 'consumer')
  }

  return {
    /** Takes a verified proposal: a new contract, its next version, or other content for the proposal that is open. */
    propose: ({ id, content, signer }: ContractProposal, now: number): Promise<ContractRow> =>
      record(async (transaction) => {
        const at = new Date(now).toISOString()
        await takeDocument(transaction, id, now)
        const rows = await versionsOf(transaction, content.contract)
        const facts = await readFacts(transaction, content)
        const parties = await transaction
          .selectFrom('contract_party')
          .select('member')
          .where('contract', '=', content.contract)
          .execute()
        // Who knows a contract's id only has no part in it.
        if (rows.length > 0 && !parties.some(({ member }) => member === signer))
          throw new Fault('access_denied', { what: 'only its parties propose a version of a contract' })
        checkProposal(content, signer, { ...facts, versions: rows.map(versionOf) }, at)
        await checkNotTooMany(transaction, signer, now)
        await checkOverlaps(transaction, content, namedConsumers(content), at)
        const row = await putVersion(transaction, content, { by: signer, at })
        const isChange = rows.some(({ version }) => version === content.version)
        await addEvent(transaction, row, { act: isChange ? 'replace' : 'propose', by: signer, at })
        await tell(transaction, row, 'PROPOSED')
        return row
      }),
    /** Takes a verified seal of exactly the content that it names; the last one that is needed completes the contract. */
    seal: (one: FreshSeal, message: Buffer, now: number): Promise<ContractRow> =>
      record(async (transaction) => {
        const at = new Date(now).toISOString()
        const { seal } = one
        await takeDocument(transaction, seal.id, now)
        const { row, rows } = await rowOfHash(transaction, seal.contract, seal.hash)
        const content = contentOf(row)
        checkSealFits(seal, content, row.hash)
        checkOpen(row, seal.subsystems === undefined ? 'seal' : 'join', at)
        const facts = await readFacts(transaction, content)
        const versions = rows.map(versionOf).filter(({ version }) => version !== row.version)
        checkFamily({ ...facts, versions }, at)
        checkParties(content, facts)
        if (seal.subsystems !== undefined) {
          const { joins } = await transaction
            .selectFrom('contract_seal')
            .select(({ fn }) => fn.countAll<number>().as('joins'))
            .where('contract', '=', row.contract)
            .where('version', '=', row.version)
            .where('member', '=', seal.signer)
            .executeTakeFirstOrThrow()
          if (Number(joins) >= MAX_JOINED) throw impossible('this member has joined too many times')
          await join(transaction, row, seal.subsystems, at)
          await keepSeal(transaction, row, one, { message, at })
          return row
        }
        const signers = await signersOf(transaction, row)
        if (signers.includes(seal.signer)) throw impossible(`${seal.signer} has sealed it already`)
        await keepSeal(transaction, row, one, { message, at })
        if (!isComplete(content, [...signers, seal.signer])) return row
        const decision = { by: 'all parties', at }
        if (needsApproval(content, await readPolicy(transaction)))
          return move(transaction, row, 'complete', decision)
        return activate(transaction, row, decision)
      }),
    /** A party withdraws its proposal, declines another's, or terminates what is in force. */
    memberAct: (one: ContractAct, now: number): Promise<ContractRow> =>
      record(async (transaction) => {
        const at = new Date(now).toISOString()
        await takeDocument(transaction, one.id, now)
        const { row } = await rowOfHash(transaction, one.contract, one.hash)
        const parties = partiesOf(contentOf(row), await joinedOf(transaction, row))
        checkMemberAct(one.act, one.signer, { proposer: row.proposed_by, parties })
        const decision = { by: one.signer, at }
        const moved = await move(transaction, row, one.act, decision, one.reason)
        if (one.act === 'terminate') await endSuspension(transaction, one.contract, decision)
        return moved
      }),
    /** What all have sealed comes into force. */
    approve: (contract: string, hash: string, decision: Decision): Promise<ContractRow> =>
      record(async (transaction) => {
        const { row } = await rowOfHash(transaction, contract, hash)
        checkOpen(row, 'approve', decision.at)
        return activate(transaction, row, decision)
      }),
    decline: (contract: string, hash: string, reason: string, decision: Decision): Promise<ContractRow> =>
      record(async (transaction) => {
        const { row } = await rowOfHash(transaction, contract, hash)
        return move(transaction, row, 'decline', decision, reason)
      }),
    /** Ends a contract with all its versions that are open or in force, for good. `hash` is of a version that was read. */
    terminate: (contract: string, hash: string, reason: string, decision: Decision): Promise<ContractRow> =>
      record(async (transaction) => {
        const { row, rows } = await rowOfHash(transaction, contract, hash)
        next(row.state, 'terminate')
        let moved = row
        for (const one of rows.filter(({ state }) => isPossible(state, 'terminate'))) {
          const after = await move(transaction, one, 'terminate', decision, reason)
          if (one.version === row.version) moved = after
        }
        await endSuspension(transaction, contract, decision)
        return moved
      }),
    /** Writes down what time has decided: ends, and versions that a newer one has taken the place of. */
    settle: (at: string): Promise<void> =>
      record(async (transaction) => {
        const over = await transaction
          .selectFrom('contract_version')
          .select(['contract', 'version'])
          .where('state', 'in', ['PROPOSED', 'ACCEPTED', 'ACTIVE', 'SUSPENDED'] satisfies ContractState[])
          .where('valid_until', '<=', at)
          .execute()
        for (const { contract, version } of over) {
          const rows = await versionsOf(transaction, contract)
          const row = rows.find((one) => one.version === Number(version))!
          if (stateAt(versionOf(row), at) === row.state) continue
          const reason = OPEN.includes(row.state) ? 'its validity ended before all had agreed' : undefined
          await move(transaction, row, 'expire', { by: 'time', at }, reason)
        }
        const begun = await transaction
          .selectFrom('contract_version')
          .select('contract')
          .where('state', '=', 'ACTIVE')
          .groupBy('contract')
          .having(({ fn }) => fn.countAll(), '>', 1)
          .execute()
        for (const { contract } of begun) await supersede(transaction, contract, at)
      }),
  }
}
