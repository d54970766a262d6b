/**
 * Lists of contracts for administrators, and single contracts with all versions, seals, events and notices.
 */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { ContractState } from '#schemas/contract.ts'
import type { Time } from '#schemas/sent-values.ts'
import { contains, counted, orderOf, type Page } from '../../changes/store.ts'
import { COLUMNS, noContract, versionsOf } from '../../contract-versions/rows-store.ts'
import { IN_FORCE } from '../../contract-versions/rules.ts'
import { LIVE } from '../../register/live-contracts-store.ts'
import type { ContractRow } from '../../register/tables.ts'
import type { Tables } from './tables.ts'

export type Filter = {
  q?: string | undefined
  state?: ContractState | undefined
  /** A member's id in its text form. */
  member?: string | undefined
  /** Selects versions in force whose validity ends before this time. */
  endsBefore?: string | undefined
  /** Selects versions, undecided or in force, with an address that had no valid confirmation at this time. */
  unconfirmedAt?: Time | undefined
}

export type ContractReading = ReturnType<typeof createContractReading>

const ORDERS = { proposedAt: 'proposed_at', title: 'title', validUntil: 'valid_until' } as const

export function createContractReading(database: Database) {
  const tables = tablesOf<Tables>(database)

  const where = ({ q = '', state, member, endsBefore, unconfirmedAt }: Filter) =>
    tables
      .selectFrom('contract_version')
      .$if(q !== '', (query) =>
        query.where(({ or, eb }) =>
          or([contains(q, { id: 'parties', text: 'title' }), eb('contract', '=', q.toLowerCase())]),
        ),
      )
      .$if(state !== undefined, (query) => query.where('state', '=', state!))
      .$if(member !== undefined, (query) =>
        // Selects from the member's parties first; the other way round would look up every contract.
        query.where(({ eb, refTuple, selectFrom }) =>
          eb(
            refTuple('contract', 'version'),
            'in',
            selectFrom('contract_party')
              .select(['contract_party.contract', 'contract_party.version'])
              .where('contract_party.member', '=', member!)
              .$asTuple('contract', 'version'),
          ),
        ),
      )
      .$if(unconfirmedAt !== undefined, (query) =>
        query.where('state', 'in', LIVE).where(({ eb, refTuple, selectFrom }) =>
          eb(
            refTuple('contract', 'version'),
            'in',
            selectFrom('contact_address')
              .innerJoin('contract_contact', (join) =>
                join
                  .onRef('contract_contact.member', '=', 'contact_address.member')
                  .onRef('contract_contact.address', '=', 'contact_address.address'),
              )
              .select(['contract_contact.contract', 'contract_contact.version'])
              .where('contact_address.confirmed_until', '<=', unconfirmedAt!)
              .$asTuple('contract', 'version'),
          ),
        ),
      )
      .$if(endsBefore !== undefined, (query) =>
        query.where('state', 'in', IN_FORCE).where('valid_until', '<', endsBefore!),
      )

  return {
    async list({ sort = '-proposedAt', offset, limit, ...filter }: Page & Filter): Promise<ContractRow[]> {
      const { column, direction } = orderOf(sort, ORDERS)
      // The page is found without the contents: what is sorted to come to a late page would be all contents
      // there are.
      const page = where(filter)
        .select(['contract', 'version'])
        .orderBy(column, direction)
        .orderBy('contract')
        .orderBy('version', 'desc')
        .offset(offset)
        .limit(limit)
      const rows = await tables
        .selectFrom('contract_version')
        .select(COLUMNS)
        .where(({ eb, refTuple }) =>
          eb(refTuple('contract', 'version'), 'in', page.$asTuple('contract', 'version')),
        )
        .orderBy(column, direction)
        .orderBy('contract')
        .orderBy('version', 'desc')
        .execute()
      return rows.map((row) => ({ ...row, version: Number(row.version) }))
    },
    count: (filter: Filter) => counted(where(filter)),
    /** Throws `not_found`. */
    async whole(contract: string) {
      const versions = await versionsOf(tables, contract)
      if (versions.length === 0) throw noContract(contract)
      return {
        versions,
        seals: await tables
          .selectFrom('contract_seal')
          .select(['sha256', 'version', 'member', 'subsystems', 'facts', 'sealed_at'])
          .where('contract', '=', contract)
          .orderBy('sealed_at')
          .execute(),
        events: await tables
          .selectFrom('contract_event')
          .select(['version', 'at', 'act', 'by', 'hash', 'reason'])
          .where('contract', '=', contract)
          .orderBy('id')
          .execute(),
        counterSeals: await tables
          .selectFrom('contract_counter_seal')
          .select(['sha256', 'version', 'instance', 'sealed_at'])
          .where('contract', '=', contract)
          .orderBy('instance')
          .execute(),
        /** The last reports of the other registry about a contract between two instances. */
        words: await tables
          .selectFrom('contract_partner')
          .select(['version', 'instance', 'state', 'reason', 'heard_at'])
          .where('contract', '=', contract)
          .execute(),
        notices: await tables
          .selectFrom('contract_notice')
          .select(['version', 'notice', 'at'])
          .where('contract', '=', contract)
          .orderBy('at')
          .execute(),
      }
    },
    /** The number of critical contracts that are in force after their end. */
    async overdue(now: string): Promise<number> {
      return counted(where({ endsBefore: now }).where('critical', '=', 1))
    },
  }
}
