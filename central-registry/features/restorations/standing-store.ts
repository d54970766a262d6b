/**
 * Reads who is suspended and what is trusted at one moment, and withdraws trust again within the acceptance.
 */
import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { isOver } from '#core/presentation/published-issuers.ts'
import { type Database, inSnapshot, tablesOf } from '#platform/database/open-database.ts'
import type { PublishedIssuer } from '#schemas/trusted-issuer.ts'
import { within } from '../../changes/store.ts'
import { signingKeysIn } from '../../configuration/signing-keys/store.ts'
import { suspendedIn } from '../../register/suspended-store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { issuersIn } from '../../trust/issuers-store.ts'
import { createTrustStore } from '../../trust/store.ts'
import type { Standing, Trusted } from './taken-away.ts'

/** Reads everything in one snapshot; what has ended at `at` is not trusted. */
export function readStanding(database: Pick<Database, 'kysely'>, at: Date): Promise<Standing> {
  return inSnapshot(tablesOf<RegisterTables>(database), (kysely) => standingIn(kysely, at))
}

async function standingIn(kysely: Kysely<RegisterTables>, at: Date): Promise<Standing> {
  const list = await kysely.selectFrom('suspension_list').select('number').executeTakeFirst()
  const published = await kysely
    .selectFrom('publication')
    .select(({ fn }) => fn.max('configuration_index').as('index'))
    .executeTakeFirst()
  const suspended = await suspendedIn(kysely)
  return {
    suspensionList: list?.number ?? 0,
    index: published?.index ?? 0,
    suspended: suspended.map(({ kind, subject, suspended_at }) => ({
      kind,
      id: subject,
      since: suspended_at,
    })),
    trust: await trustIn(kysely, at),
    signingKeys: (await signingKeysIn(kysely)).map((key) => ({
      ...{ id: key.id, certificate: key.certificate.toString('base64'), signs: Number(key.is_active) === 1 },
      ...{ createdAt: key.created_at, knownAt: key.known_at, activatedAt: key.activated_at },
    })),
  }
}

async function trustIn(kysely: Kysely<RegisterTables>, at: Date): Promise<Trusted[]> {
  const authorities = await kysely
    .selectFrom('certification_authority')
    .innerJoin('certification_service', 'certification_service.id', 'certification_authority.service')
    .select(['sha256', 'is_top', 'name'])
    .orderBy('sha256')
    .execute()
  const anchors = await kysely
    .selectFrom('external_anchor')
    .select(['sha256', 'instance'])
    .where('state', '=', 'TRUSTED')
    .orderBy('sha256')
    .execute()
  const keys = await signingKeysIn(kysely)
  return [
    ...authorities.map(({ sha256, is_top, name }) => ({
      kind: is_top === 1 ? ('certification-service' as const) : ('intermediate' as const),
      ...{ id: sha256, name },
    })),
    ...(await timestampingIn(kysely)).map(({ id, name }) => ({
      kind: 'time-stamping-service' as const,
      id,
      name,
    })),
    ...anchors.map(({ sha256, instance }) => ({ kind: 'anchor' as const, id: sha256, name: instance })),
    ...(await issuersIn(kysely))
      .flatMap(({ issuer }) => trustedAnchors(issuer, at))
      .map(({ id, name }) => ({ kind: 'credential-issuer' as const, id, name })),
    ...keys.map(({ id, certificate }) => ({
      kind: 'signing-key' as const,
      id: hash('sha256', certificate),
      name: id,
    })),
  ]
}

/**
 * Anchors that count, each with what the issuer is trusted for: also trust for less is trust that was taken
 * away.
 */
function trustedAnchors(
  issuer: PublishedIssuer,
  at: Date,
): { id: string; name: string; certificate: string }[] {
  const { anchors, former: _former, purpose: _purpose, ...terms } = issuer
  return anchors
    .filter((anchor) => !isOver(anchor, at))
    .map(({ certificate }) => ({
      ...{ id: hash('sha256', canonicalJson({ ...terms, certificate })), name: issuer.name, certificate },
    }))
}

async function timestampingIn(
  kysely: Kysely<RegisterTables>,
): Promise<{ row: number; id: string; name: string }[]> {
  const rows = await kysely
    .selectFrom('timestamping_service')
    .select(['id', 'name', 'certificate'])
    .orderBy('id')
    .execute()
  return rows.map(({ id, name, certificate }) => ({ row: id, id: hash('sha256', certificate), name }))
}

/** Removes a trusted anchor within the caller's transaction; implemented by the federation feature. */
export type RemoveAnchor = (
  transaction: Kysely<RegisterTables>,
  sha256: string,
  decision: { by: string; at: string },
) => Promise<unknown>

/**
 * Withdraws trust again, within the transaction of the acceptance. Of the registry's own signing keys
 * `keysAfter` says which stay.
 */
export async function withdrawAgain(
  transaction: Kysely<RegisterTables>,
  trust: readonly Trusted[],
  decision: { by: string; at: string },
  removeAnchor: RemoveAnchor,
): Promise<void> {
  const [tabled, change] = within(transaction)
  const store = createTrustStore(tabled, change)
  const ids = (kind: Trusted['kind']): string[] =>
    trust.filter((one) => one.kind === kind).map(({ id }) => id)
  for (const { sha256, service, is_top } of await store.authorities()) {
    if (is_top === 0 && ids('intermediate').includes(sha256)) await store.deleteIntermediate(service, sha256)
  }
  for (const { sha256, service, is_top } of await store.authorities()) {
    if (is_top === 1 && ids('certification-service').includes(sha256)) await store.deleteService(service)
  }
  for (const { row, id } of await timestampingIn(transaction))
    if (ids('time-stamping-service').includes(id)) await store.deleteTimestampingService(row)
  const at = new Date(decision.at)
  for (const { issuer } of await issuersIn(transaction)) {
    const back = trustedAnchors(issuer, at).filter(({ id }) => ids('credential-issuer').includes(id))
    if (back.length > 0)
      await store.endAnchors(issuer.name, new Set(back.map(({ certificate }) => certificate)), at)
  }
  for (const sha256 of ids('anchor')) await removeAnchor(transaction, sha256, decision)
}
