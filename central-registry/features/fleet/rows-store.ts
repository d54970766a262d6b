/** Single rows of the fleet, within a transaction: troubles that begin and end, reported certificates. */
import type { Kysely } from 'kysely'
import type { ReportedCertificate } from '#schemas/fleet.ts'
import type { Trouble } from './rules.ts'
import type { Tables } from './tables.ts'

/** How long a trouble is kept after its end. */
const KEPT_MS = 90 * 86_400_000

/**
 * Closes troubles that are over and opens new ones. A trouble that continues keeps its beginning and gets the
 * present message and severity.
 */
export async function keepTroubles(
  transaction: Kysely<Tables>,
  server: string,
  now: Trouble[],
  at: string,
): Promise<void> {
  const open = await transaction
    .selectFrom('fleet_trouble')
    .select(['id', 'kind', 'severity', 'message'])
    .where('server', '=', server)
    .where('until', 'is', null)
    .execute()
  const change = (id: number) => transaction.updateTable('fleet_trouble').where('id', '=', id)
  for (const { id, kind, severity, message } of open) {
    const still = now.find((one) => one.kind === kind)
    if (still === undefined) await change(id).set({ until: at }).execute()
    else if (still.message !== message || still.severity !== Number(severity))
      await change(id).set({ message: still.message, severity: still.severity }).execute()
  }
  for (const one of now)
    if (!open.some(({ kind }) => kind === one.kind))
      await transaction
        .insertInto('fleet_trouble')
        .values({ ...one, server, since: at, until: null })
        .execute()
  await transaction
    .deleteFrom('fleet_trouble')
    .where('server', '=', server)
    .where('until', '<', new Date(Date.parse(at) - KEPT_MS).toISOString())
    .execute()
  const worst = Math.max(0, ...now.map(({ severity }) => severity))
  await transaction.updateTable('fleet_server').set({ worst }).where('server', '=', server).execute()
}

export async function replaceCertificates(
  transaction: Kysely<Tables>,
  server: string,
  reported: ReportedCertificate[],
): Promise<void> {
  const rows = reported.map(({ sha256, usage, member, authority, notAfter }) => ({
    ...{ server, sha256, usage, not_after: notAfter },
    ...{ member: member ?? null, authority: authority ?? null },
  }))
  const textOf = (all: object[]): string =>
    JSON.stringify(all.map((one) => Object.entries(one).sort()).sort())
  const before = await transaction
    .selectFrom('fleet_certificate')
    .select(['server', 'sha256', 'usage', 'member', 'authority', 'not_after'])
    .where('server', '=', server)
    .execute()
  // Servers report the same certificates every minute, so nothing is written unless they have changed.
  if (textOf(before) === textOf(rows)) return
  await transaction.deleteFrom('fleet_certificate').where('server', '=', server).execute()
  if (rows.length > 0) await transaction.insertInto('fleet_certificate').values(rows).execute()
}
