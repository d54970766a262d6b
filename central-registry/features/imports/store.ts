/**
 * Rows of imports: verified documents, certificates with a published hash, and the report of what was carried
 * out.
 */
import type { Kysely, Selectable } from 'kysely'
import { tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { type Change, counted, mustBe, type Page, type Tabled, textContains } from '../../changes/store.ts'
import type { Documents, Source } from '../../configuration/other-instances/read-source.ts'
import { readRegister } from '../../configuration/store.ts'
import type { Take } from './plan.ts'
import type { Tables } from './tables.ts'
import { takeRows } from './take-store.ts'

export type ImportStore = ReturnType<typeof createImportStore>
type Row = Selectable<Tables['instance_import']>
export type ImportSummary = Pick<Row, (typeof SUMMARY)[number]>

/** Selects imports whose instance or anchor hash contains `q`, in this state. */
export type Seen = { q?: string | undefined; state?: Row['state'] | undefined }

/** The most open imports, because each has a whole configuration. */
const MOST_OPEN = 10

const SUMMARY = [
  ...(['id', 'instance', 'anchor_hash', 'state', 'expires_at', 'examined_at'] as const),
  ...(['examined_by', 'carried_out_at', 'carried_out_by', 'content_hash'] as const),
] as const

/** `change` also asks for a publication, `record` does not. */
export function createImportStore(database: Tabled, change: Change<Tables>, record: Change<Tables>) {
  const tables = tablesOf<Tables>(database)
  const certificatesIn = async (kysely: Kysely<Tables>, id: number): Promise<Map<string, Buffer>> => {
    const rows = await kysely
      .selectFrom('import_certificate')
      .select(['sha256', 'certificate'])
      .where('import', '=', id)
      .execute()
    return new Map(rows.map(({ sha256, certificate }) => [sha256, Buffer.from(certificate)]))
  }

  const seen = ({ q = '', state }: Seen) =>
    tables
      .selectFrom('instance_import')
      .$if(state !== undefined, (query) => query.where('state', '=', state!))
      .$if(q !== '', (query) =>
        query.where(({ or }) => or([textContains('instance', q), textContains('anchor_hash', q)])),
      )

  return {
    add: (documents: Documents, source: Source, by: string, at: string): Promise<Whole> =>
      record(async (transaction) => {
        const open = transaction.selectFrom('instance_import').where('state', '=', 'OPEN')
        if ((await counted(open)) >= MOST_OPEN)
          throw new Fault('conflict', { what: say`${MOST_OPEN} imports are open: carry out or discard one` })
        const { id } = await transaction
          .insertInto('instance_import')
          .values({
            ...{ instance: source.shared.instance, anchor_hash: source.anchorHash, state: 'OPEN' },
            ...{ expires_at: source.expiresAt.toISOString(), examined_at: at, examined_by: by },
            ...{ ...documents, private: documents.private ?? null },
          })
          .returning('id')
          .executeTakeFirstOrThrow()
        return id
      }),
    list: ({ offset, limit, ...those }: Page & Seen) =>
      seen(those).select(SUMMARY).orderBy('id', 'desc').offset(offset).limit(limit).execute(),
    count: (those: Seen) => counted(seen(those)),
    /** An import with its documents. Throws `not_found`. */
    find: async (id: number): Promise<Row> =>
      mustBe(
        `the import ${id}`,
        await tables.selectFrom('instance_import').selectAll().where('id', '=', id).executeTakeFirst(),
      ),
    /** The register and the import's certificates as they are now, from which a plan is made. */
    present: async (id: number) => ({
      register: await readRegister(tables),
      certificates: await certificatesIn(tables, id),
    }),
    addCertificates: (id: number, found: { sha256: string; der: Buffer }[], origin: 'tls' | 'file') =>
      record(async (transaction) => {
        await mustBeOpen(transaction, id)
        for (const { sha256, der } of found)
          await transaction
            .insertInto('import_certificate')
            .values({ import: id, sha256, certificate: der, origin })
            .onConflict((conflict) => conflict.doNothing())
            .execute()
      }),
    /**
     * Adds what `plan` returns for the register at this moment, while no other node changes it, and stores
     * the report. Changes nothing when `plan` throws.
     */
    carryOut: (
      id: number,
      plan: (present: {
        register: Awaited<ReturnType<typeof readRegister>>
        certificates: Map<string, Buffer>
      }) => {
        take: Take
        contentHash: string
        report: object
      },
      { by, at }: { by: string; at: string },
    ) =>
      change(async (transaction) => {
        await mustBeOpen(transaction, id)
        const register = await readRegister(transaction)
        const planned = plan({ register, certificates: await certificatesIn(transaction, id) })
        await takeRows(transaction, planned.take, at)
        await transaction
          .updateTable('instance_import')
          .set({
            ...{ state: 'CARRIED_OUT', carried_out_at: at, carried_out_by: by },
            ...{ content_hash: planned.contentHash, report: JSON.stringify(planned.report) },
          })
          .where('id', '=', id)
          .execute()
      }),
    /** Deletes an open import. Throws `not_found`, and `conflict` for one that was carried out. */
    discard: (id: number) =>
      record(async (transaction) => {
        await mustBeOpen(transaction, id)
        await transaction.deleteFrom('import_certificate').where('import', '=', id).execute()
        await transaction.deleteFrom('instance_import').where('id', '=', id).execute()
      }),
  }
}

async function mustBeOpen(transaction: Kysely<Tables>, id: number): Promise<void> {
  const row = await transaction
    .selectFrom('instance_import')
    .select('state')
    .where('id', '=', id)
    .executeTakeFirst()
  if (mustBe(`the import ${id}`, row).state !== 'OPEN')
    throw new Fault('conflict', { what: say`the import ${id} was carried out already` })
}
