/**
 * Rows of the issuers of credentials whom the instance trusts. None is ever taken off: what was trusted
 * stays, with its end and terms.
 */
import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import {
  checkRoom,
  isWithdrawn,
  readPublishedIssuers,
  replaceIssuer,
  startIssuer,
  withdrawIssuer,
} from '#core/presentation/published-issuers.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { PublishedIssuer } from '#schemas/trusted-issuer.ts'
import type { Change } from '../changes/store.ts'
import type { RegisterTables } from '../register/tables.ts'

type Kept = { issuer: PublishedIssuer; sha256: string; changedAt: string }

export function createIssuerStore(tables: Kysely<RegisterTables>, change: Change) {
  return {
    issuers: () => issuersIn(tables),
    /**
     * Adds an issuer, or replaces the one of its name. Throws `invalid_input` for what does not go with the
     * others.
     */
    putIssuer: (issuer: PublishedIssuer, at: Date) =>
      change(async (transaction) => {
        const before = (await issuersIn(transaction)).find((one) => one.issuer.name === issuer.name)
        const next = before === undefined ? startIssuer(issuer, at) : replaceIssuer(before.issuer, issuer, at)
        const kept = await keep(transaction, next, at)
        // As every server will read them: a list that they refuse is not published.
        checkRoom(readPublishedIssuers((await issuersIn(transaction)).map((one) => one.issuer)))
        return kept
      }),
    /** Always has room. Throws `not_found` if nobody of this name is trusted. */
    withdrawIssuer: (name: string, at: Date) =>
      change(async (transaction) => {
        const found = (await issuersIn(transaction)).find((one) => one.issuer.name === name)
        if (found === undefined || isWithdrawn(found.issuer, at))
          throw new Fault('not_found', { what: say`the trusted issuer ${name}` })
        await keep(transaction, withdrawIssuer(found.issuer, at), at)
      }),
    /** Ends trust in some of its anchors. */
    endAnchors: (name: string, certificates: ReadonlySet<string>, at: Date) =>
      change(async (transaction) => {
        const found = (await issuersIn(transaction)).find((one) => one.issuer.name === name)
        if (found !== undefined) await keep(transaction, withdrawIssuer(found.issuer, at, certificates), at)
      }),
  }
}

async function keep(
  transaction: Kysely<RegisterTables>,
  issuer: PublishedIssuer,
  at: Date,
): Promise<{ name: string; sha256: string }> {
  const { name } = issuer
  const document = canonicalJson(issuer)
  const sha256 = createHash('sha256').update(document).digest('hex')
  const values = { document, sha256, changed_at: at.toISOString() }
  await transaction
    .insertInto('trusted_issuer')
    .values({ name, ...values })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
    .execute()
  return { name, sha256 }
}

export async function issuersIn(kysely: Kysely<RegisterTables>): Promise<Kept[]> {
  const rows = await kysely
    .selectFrom('trusted_issuer')
    .select(['name', 'document', 'sha256', 'changed_at'])
    .orderBy('name')
    .execute()
  return rows.map(({ document, sha256, changed_at }) => ({
    issuer: JSON.parse(document) as PublishedIssuer,
    ...{ sha256, changedAt: changed_at },
  }))
}
