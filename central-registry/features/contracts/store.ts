/**
 * Rows of contracts. Each act is one transaction, and no other node changes the register meanwhile. The act
 * names the content's hash and is checked against the present states, so that of two simultaneous decisions
 * one succeeds and the other is refused.
 */
import type { Kysely } from 'kysely'
import { groupOf, namedConsumers, requiredSigners } from '#core/contract/parties.ts'
import { checkSealFits } from '#core/contract/verify-seal.ts'
import type { CollectedFailures } from '#platform/collect-failures.ts'
import type { ContractAct, ContractProposal, ContractState } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Change } from '../../changes/store.ts'
import type { Decision } from '../../contract-versions/move-version-store.ts'
import {
  addEvent,
  addParties,
  checkOverlaps,
  contentOf,
  joinedOf,
  putVersion,
  rowOfHash,
  versionOf,
  versionsOf,
} from '../../contract-versions/rows-store.ts'
import {
  checkFamily,
  checkMemberAct,
  checkParties,
  checkProposal,
  impossible,
  isComplete,
  next,
  OPEN,
  stateAt,
} from '../../contract-versions/rules.ts'
import { type SignedWith, takeAct } from '../../documents/taken-store.ts'
import type { ContractRow, RegisterTables } from '../../register/tables.ts'
import { type ContractActRooms, checkNotTooMany, createContractActs, isBetween } from './acts-store.ts'
import type { FreshSeal } from './documents.ts'
import { hasJoined, joins, leave } from './leave-store.ts'
import { checkInstances, NO_PARTNERS } from './partners.ts'

export type ContractStore = ReturnType<typeof createContractStore>

const MAX_JOINED = 50

type Rooms = ContractActRooms & { record: Change }

export function createContractStore({ record, ...rooms }: Rooms) {
  const { partners = NO_PARTNERS } = rooms
  const acts = createContractActs(rooms)
  const { tell, move, activate, agree, supersede, checkOpen, keepSeal, signersOf, endSuspension } = acts

  /** A member of the group joins with its subsystems that belong to the group. */
  async function join(
    transaction: Kysely<RegisterTables>,
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

  async function expire(transaction: Kysely<RegisterTables>, contract: string, at: string): Promise<void> {
    for (const row of await versionsOf(transaction, contract)) {
      const version = versionOf(row)
      if (version.validUntil > at || stateAt(version, at) === row.state) continue
      const reason = OPEN.includes(row.state) ? 'its validity ended before all had agreed' : undefined
      await move(transaction, row, 'expire', { by: 'time', at }, reason)
    }
  }

  return {
    /**
     * Stores a verified proposal: a new contract, its next version, or other content for the open proposal.
     * Throws `access_denied`, `contract_not_possible`, `suspended` or `replayed_request`.
     */
    propose: async (proposal: SignedWith<ContractProposal>, now: number): Promise<ContractRow> => {
      const { content, signer } = proposal
      await partners.load()
      return record(async (transaction) => {
        const at = new Date(now).toISOString()
        await takeAct(transaction, proposal, now)
        const rows = await versionsOf(transaction, content.contract)
        // A member that merely knows a contract's id, or has joined it, may not propose a version of it.
        if (rows.length > 0 && !rows.some((row) => requiredSigners(contentOf(row)).includes(signer)))
          throw new Fault('access_denied', { what: say`only its parties propose a version of a contract` })
        const facts = await acts.factsOf(transaction, content)
        checkInstances(content, signer, rows)
        checkProposal(content, signer, { ...facts, versions: rows.map(versionOf) }, at)
        await checkNotTooMany(transaction, signer, { by: signer, at })
        await checkOverlaps(transaction, content, namedConsumers(content), at)
        const row = await putVersion(transaction, content, { by: signer, at })
        const isChange = rows.some(({ version }) => version === content.version)
        await addEvent(transaction, row, { act: isChange ? 'replace' : 'propose', by: signer, at })
        await tell(transaction, row, 'PROPOSED')
        return row
      })
    },
    /**
     * Stores a verified seal of exactly the content that it names. The last seal that is needed completes the
     * contract.
     */
    seal: async (one: FreshSeal, message: Buffer, now: number): Promise<ContractRow> => {
      await partners.load()
      return record(async (transaction) => {
        const at = new Date(now).toISOString()
        const { seal } = one
        await takeAct(transaction, { ...seal, signedWith: one.facts.signingCertificate.sha256 }, now)
        const { row, rows } = await rowOfHash(transaction, seal.contract, seal.hash)
        const content = contentOf(row)
        checkSealFits(seal, content, row.hash)
        checkOpen(row, seal.subsystems === undefined ? 'seal' : 'join', at)
        const facts = await acts.factsOf(transaction, content)
        const versions = rows.map(versionOf).filter(({ version }) => version !== row.version)
        checkFamily({ ...facts, versions }, at)
        checkParties(content, facts)
        if (seal.subsystems !== undefined) {
          if ((await joins(transaction, row, seal.signer)) >= MAX_JOINED)
            throw impossible('this member has joined too many times')
          await join(transaction, row, seal.subsystems, at)
          await keepSeal(transaction, row, one, { message, at })
          return row
        }
        const signers = await signersOf(transaction, row)
        if (signers.includes(seal.signer)) throw impossible(`${seal.signer} has sealed it already`)
        await keepSeal(transaction, row, one, { message, at })
        if (!isComplete(content, [...signers, seal.signer])) return row
        return acts.complete(transaction, row, at)
      })
    },
    /**
     * A party withdraws its proposal, declines another's, or terminates a contract; who only joined it leaves
     * it.
     */
    memberAct: (one: SignedWith<ContractAct>, now: number): Promise<ContractRow> =>
      record(async (transaction) => {
        const at = new Date(now).toISOString()
        await takeAct(transaction, one, now)
        const { row, rows } = await rowOfHash(transaction, one.contract, one.hash)
        const signers = requiredSigners(contentOf(row))
        const { mandated = [] } = one
        checkMemberAct(one.act, one.signer, {
          ...{ proposer: row.proposed_by, signers, mandated },
          hasJoined: await hasJoined(transaction, row, one.signer),
        })
        const by = mandated.length === 0 ? one.signer : `${one.signer} (${mandated.join(', ')})`
        if (!signers.includes(one.signer)) {
          next(row.state, 'terminate')
          await leave(transaction, rows, one.signer, { by, at, reason: one.reason })
          return row
        }
        // A termination by one party does not end a suspension, which only two persons of the registry may
        // lift.
        return one.act === 'terminate'
          ? acts.terminate(transaction, row, rows, { by, at }, one.reason)
          : move(transaction, row, one.act, { by, at }, one.reason)
      }),
    /** The registry approves a version that all parties have sealed, which puts it into force. */
    approve: async (contract: string, hash: string, decision: Decision): Promise<ContractRow> => {
      await partners.load()
      return record(async (transaction) => {
        const { row } = await rowOfHash(transaction, contract, hash)
        checkOpen(row, 'approve', decision.at)
        return isBetween(contentOf(row))
          ? agree(transaction, row, decision)
          : activate(transaction, row, decision)
      })
    },
    decline: (contract: string, hash: string, reason: string, decision: Decision): Promise<ContractRow> =>
      record(async (transaction) => {
        const { row } = await rowOfHash(transaction, contract, hash)
        return move(transaction, row, 'decline', decision, reason)
      }),
    /**
     * Ends a contract for good, with all its versions that are open or in force. `hash` is of the version
     * that the administrator has read.
     */
    terminate: (contract: string, hash: string, reason: string, decision: Decision): Promise<ContractRow> =>
      record(async (transaction) => {
        const { row, rows } = await rowOfHash(transaction, contract, hash)
        const moved = await acts.terminate(transaction, row, rows, decision, reason)
        await endSuspension(transaction, contract, decision)
        return moved
      }),
    /**
     * Records which versions have expired, and which ones a newer version has replaced. Each contract is a
     * transaction of its own, so that one that is damaged stays as it is, and no other with it.
     */
    settle: async (at: string, failures: CollectedFailures): Promise<void> => {
      const over = await record((transaction) =>
        transaction
          .selectFrom('contract_version')
          .select('contract')
          .distinct()
          .where('state', 'in', ['PROPOSED', 'ACCEPTED', 'ACTIVE', 'SUSPENDED'] satisfies ContractState[])
          .where('valid_until', '<=', at)
          .execute(),
      )
      await failures.each(
        over,
        ({ contract }) => contract,
        ({ contract }) => record((transaction) => expire(transaction, contract, at)),
      )
      const begun = await record((transaction) =>
        transaction
          .selectFrom('contract_version')
          .select('contract')
          .where('state', '=', 'ACTIVE')
          .groupBy('contract')
          .having(({ fn }) => fn.countAll(), '>', 1)
          .execute(),
      )
      await failures.each(
        begun,
        ({ contract }) => contract,
        ({ contract }) => record((transaction) => supersede(transaction, contract, at)),
      )
    },
  }
}
