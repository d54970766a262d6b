/**
 * Writes the rows of an import into the register, within its transaction: many rows at a time, and rows after
 * those that they refer to.
 */
import type { Kysely } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { within } from '../../changes/store.ts'
import { followOwners } from '../../register/owners-group-store.ts'
import { createTrustStore } from '../../trust/store.ts'
import type { Take } from './plan.ts'
import type { Tables } from './tables.ts'

/** With seven columns at most, this stays below the number of parameters that each database accepts. */
const ROWS_AT_ONCE = 500

export async function takeRows(transaction: Kysely<Tables>, take: Take, at: string): Promise<void> {
  const insert = async <T extends keyof Tables>(table: T, rows: object[]): Promise<void> => {
    for (let from = 0; from < rows.length; from += ROWS_AT_ONCE)
      await transaction
        .insertInto(table)
        .values(rows.slice(from, from + ROWS_AT_ONCE) as never)
        .execute()
  }
  const dated = <R extends object>(rows: R[]) => rows.map((row) => ({ ...row, created_at: at }))
  await insert('system_parameter', take.parameters)
  await insert('member_class', take.classes)
  await insert('member', dated(take.members))
  await insert('subsystem', dated(take.subsystems))
  await insert('global_group', take.groups)
  await insert('global_group_member', take.groupMembers)
  await insert('security_server', dated(take.servers))
  await followOwners(transaction)
  await insert('server_client', take.clients)
  await insert('authentication_certificate', dated(take.certificates))
  await takeTrust(transaction, take, at)
}

async function takeTrust(transaction: Kysely<Tables>, take: Take, at: string): Promise<void> {
  const trust = createTrustStore(...within(transaction))
  // The instance already runs with its own profile classes. The report and a warning name those that are
  // unknown here.
  for (const { top, ...service } of take.services)
    await trust.addService({ ...service, at }, top, () => undefined)
  for (const { of, authority } of take.intermediates) {
    const top = (await trust.authorities()).find(({ sha256, is_top }) => sha256 === of && is_top === 1)
    if (top === undefined) throw new Fault('not_found', { what: say`the approved CA ${of}` })
    // The plan has checked the issuer against all CAs that are imported together.
    await trust.addIntermediate(top.service, authority, () => undefined)
  }
  for (const { sha256, ...service } of take.timestampingServices) await trust.addTimestampingService(service)
}
