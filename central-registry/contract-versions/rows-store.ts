/**
 * Single rows of contracts, their parties and seals, and what the register knows about the parties, within a
 * transaction.
 */
import type { Kysely } from 'kysely'
import { graceHoursOf } from '#core/contract/grace-hours.ts'
import { groupOf, memberOfSubsystem, namedConsumers } from '#core/contract/parties.ts'
import { contentHash, contentText } from '#core/contract/read-content.ts'
import type { ContractContent, ContractState } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { encodeSegment } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { countOf } from '../changes/store.ts'
import { putContacts } from '../members/contacts/store.ts'
import { isSuspendedIn } from '../register/suspended-store.ts'
import type { ContractRow, RegisterTables } from '../register/tables.ts'
import {
  checkOverlap,
  consumersOf,
  IN_FORCE,
  type RegisterFacts,
  type Standing,
  type Version,
} from './rules.ts'

export const COLUMNS = [
  ...(['contract', 'version', 'hash', 'state', 'title', 'content', 'parties', 'global_group'] as const),
  ...(['critical', 'valid_from', 'valid_until', 'review_at'] as const),
  ...(['proposed_at', 'proposed_by', 'changed_at', 'reason', 'origin', 'agreed_at'] as const),
] as const

export function contentOf(row: Pick<ContractRow, 'content'>): ContractContent {
  return JSON.parse(row.content) as ContractContent
}

export function versionOf(
  row: Pick<
    ContractRow,
    'version' | 'hash' | 'state' | 'valid_from' | 'valid_until' | 'review_at' | 'critical'
  >,
): Version & { reviewAt: string } {
  return {
    version: Number(row.version),
    hash: row.hash,
    state: row.state,
    validFrom: row.valid_from,
    validUntil: row.valid_until,
    reviewAt: row.review_at,
    critical: Number(row.critical) === 1,
  }
}

/** All versions of a contract, oldest first. */
export async function versionsOf(kysely: Kysely<RegisterTables>, contract: string): Promise<ContractRow[]> {
  const rows = kysely.selectFrom('contract_version').select(COLUMNS).where('contract', '=', contract)
  return (await rows.orderBy('version').execute()).map((row) => ({ ...row, version: Number(row.version) }))
}

/**
 * The version with this content, and all versions. Throws `not_found`, and `contract_not_possible` when no
 * version has this hash (any more).
 */
export async function rowOfHash(
  kysely: Kysely<RegisterTables>,
  contract: string,
  hash: string,
): Promise<{ row: ContractRow; rows: ContractRow[] }> {
  const rows = await versionsOf(kysely, contract)
  if (rows.length === 0) throw noContract(contract)
  const row = rows.find((one) => one.hash === hash)
  if (row === undefined)
    throw new Fault('contract_not_possible', { what: say`its content is another now than when it was read` })
  return { row, rows }
}

export function noContract(contract: string): Fault {
  return new Fault('not_found', { what: say`the contract ${contract}` })
}

/** Writes a proposal. When it replaces an open proposal, the seals of the old content are deleted. */
export async function putVersion(
  transaction: Kysely<RegisterTables>,
  content: ContractContent,
  { by, at, origin = null }: { by: string; at: string; origin?: string | null },
): Promise<ContractRow> {
  const { contract, version } = content
  for (const table of [
    ...(['contract_version', 'contract_party', 'contract_seal'] as const),
    ...(['contract_counter_seal', 'contract_partner'] as const),
  ])
    await transaction
      .deleteFrom(table)
      .where('contract', '=', contract)
      .where('version', '=', version)
      .execute()
  const consumers = namedConsumers(content)
  const row: ContractRow = {
    contract,
    version,
    hash: contentHash(content),
    state: 'PROPOSED',
    title: content.title,
    content: contentText(content),
    parties: searchedFor(content),
    global_group: groupOf(content) ?? null,
    critical: content.critical ? 1 : 0,
    valid_from: content.validFrom,
    valid_until: content.validUntil,
    review_at: content.reviewAt,
    proposed_at: at,
    proposed_by: by,
    changed_at: at,
    reason: null,
    origin,
    agreed_at: null,
  }
  await transaction
    .insertInto('contract_version')
    .values({ ...row, grace_hours: graceHoursOf(content) })
    .execute()
  await putContacts(transaction, content)
  await addParties(transaction, row, [content.provider], 'provider')
  await addParties(transaction, row, consumers, 'consumer')
  return row
}

/**
 * The text in which a search finds a contract apart from its title: its id, parties, global group and
 * services.
 */
function searchedFor(content: ContractContent): string {
  const services = content.services.map(({ serviceCode }) => encodeSegment(serviceCode))
  const consumers = [...namedConsumers(content), groupOf(content) ?? '']
  return [content.contract, content.provider, ...consumers, ...services].join(' ')
}

export async function addParties(
  transaction: Kysely<RegisterTables>,
  { contract, version }: Pick<ContractRow, 'contract' | 'version'>,
  subsystems: string[],
  role: 'provider' | 'consumer',
): Promise<void> {
  if (subsystems.length === 0) return
  await transaction
    .insertInto('contract_party')
    .values(
      subsystems.map((subsystem) => ({
        contract,
        version,
        subsystem,
        member: memberOfSubsystem(subsystem),
        role,
      })),
    )
    .execute()
}

/**
 * The subsystems that are consumers of this version now: the named ones, or those whose members joined and
 * which are in the group still.
 */
export async function joinedOf(
  kysely: Kysely<RegisterTables>,
  { contract, version }: Pick<ContractRow, 'contract' | 'version'>,
): Promise<string[]> {
  const rows = await kysely
    .selectFrom('contract_party')
    .innerJoin('contract_version', (join) =>
      join
        .onRef('contract_version.contract', '=', 'contract_party.contract')
        .onRef('contract_version.version', '=', 'contract_party.version'),
    )
    .select('subsystem')
    .where('contract_party.contract', '=', contract)
    .where('contract_party.version', '=', version)
    .where('role', '=', 'consumer')
    .where(({ or, eb, exists, selectFrom }) =>
      or([
        eb('contract_version.global_group', 'is', null),
        exists(
          selectFrom('global_group_member')
            .select('client')
            .whereRef('group_code', '=', 'contract_version.global_group')
            .whereRef('client', '=', 'contract_party.subsystem'),
        ),
      ]),
    )
    .orderBy('subsystem')
    .execute()
  return rows.map(({ subsystem }) => subsystem)
}

export async function signersOf(kysely: Kysely<RegisterTables>, row: ContractRow): Promise<string[]> {
  const rows = await kysely
    .selectFrom('contract_seal')
    .select('member')
    .where('contract', '=', row.contract)
    .where('version', '=', row.version)
    .where('subsystems', 'is', null)
    .execute()
  return rows.map(({ member }) => member)
}

export async function setState(
  transaction: Kysely<RegisterTables>,
  row: ContractRow,
  to: { state: ContractState; reason?: string | undefined },
  q: { act: string; by: string; at: string },
): Promise<ContractRow> {
  const changed = { state: to.state, reason: to.reason ?? null, changed_at: q.at }
  await transaction
    .updateTable('contract_version')
    .set(changed)
    .where('contract', '=', row.contract)
    .where('version', '=', row.version)
    .execute()
  await addEvent(transaction, row, { ...q, reason: to.reason })
  return { ...row, ...changed }
}

export async function addEvent(
  transaction: Kysely<RegisterTables>,
  { contract, version, hash }: Pick<ContractRow, 'contract' | 'version' | 'hash'>,
  { act, by, at, reason }: { act: string; by: string; at: string; reason?: string | undefined },
): Promise<void> {
  const event = { contract, version, hash, act, by, at, reason: reason ?? null }
  await transaction.insertInto('contract_event').values(event).execute()
}

/**
 * Which of the parties are unknown to the register and to the configuration of their instance, and whether
 * the contract is suspended.
 */
export async function readFacts(
  kysely: Kysely<RegisterTables>,
  content: ContractContent,
  isRegisteredElsewhere: (subsystem: string) => boolean = () => false,
): Promise<Omit<RegisterFacts, 'versions'>> {
  const wanted = [content.provider, ...namedConsumers(content)]
  const found = await kysely.selectFrom('subsystem').select('id').where('id', 'in', wanted).execute()
  const known = new Set(found.map(({ id }) => id))
  const group = groupOf(content)
  return {
    missing: wanted.filter((one) => !known.has(one) && !isRegisteredElsewhere(one)),
    isSuspended: await isSuspendedIn(kysely, 'contract', content.contract),
    groupExists: group === undefined || (await countOf(kysely, 'global_group', 'code', group)) > 0,
  }
}

/**
 * Throws `contract_not_possible` when another contract that is accepted or in force could cover the same
 * calls of these consumers at some time after `now`.
 */
export async function checkOverlaps(
  kysely: Kysely<RegisterTables>,
  content: ContractContent,
  consumers: string[],
  now: string,
): Promise<void> {
  if (consumers.length === 0) return
  const rows = await kysely
    .selectFrom('contract_party')
    .innerJoin('contract_version', (join) =>
      join
        .onRef('contract_version.contract', '=', 'contract_party.contract')
        .onRef('contract_version.version', '=', 'contract_party.version'),
    )
    .select(['contract_version.contract', 'contract_version.version', 'contract_version.content'])
    .distinct()
    .where('contract_party.subsystem', 'in', consumers)
    .where('contract_party.role', '=', 'consumer')
    .where('contract_version.contract', '!=', content.contract)
    .where('contract_version.state', 'in', [...IN_FORCE, 'ACCEPTED'])
    .execute()
  const others: Standing[] = []
  for (const row of rows) {
    const other = contentOf(row)
    if (other.provider !== content.provider) continue
    const joined = await joinedOf(kysely, { contract: row.contract, version: Number(row.version) })
    others.push({ content: other, consumers: consumersOf(other, joined) })
  }
  checkOverlap({ content, consumers }, others, now)
}
