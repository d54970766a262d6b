/** Rows of external anchors, of their events, and of the configurations that were read by them. */
import type { Kysely } from 'kysely'
import { tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import { say } from '#schemas/said.ts'
import {
  type Change,
  counted,
  mustBe,
  orderOf,
  type Page,
  type Tabled,
  textContains,
} from '../../changes/store.ts'
import { anchorOfRow } from '../../configuration/assemble.ts'
import type { ExternalAnchorRow } from '../../register/federation-tables.ts'
import { liveContractsWith } from '../../register/live-contracts-store.ts'
import { type AnchorAct, checkApart, MOST_TRUSTED, nextAnchorState } from './rules.ts'
import type { FederatedConfigurationRow, Tables } from './tables.ts'

export type FederationStore = ReturnType<typeof createFederationStore>
type Decision = { by: string; at: string }
export type Filter = { q?: string | undefined; state?: ExternalAnchorRow['state'] | undefined }
/** An anchor as in lists. */
export type AnchorSummary = Omit<ExternalAnchorRow, 'anchor' | 'sources'>

const SUMMARY = [
  ...(['sha256', 'instance', 'hash', 'generated_at', 'state', 'examined_at', 'examined_by'] as const),
  ...(['examination', 'decided_at', 'decided_by'] as const),
] as const
const ORDERS = { instance: 'instance', examinedAt: 'examined_at' } as const
const MOST_EXAMINED = 100
/** How long an anchor waits for a decision before it is deleted. */
const EXAMINED_KEPT_MS = 30 * 86_400_000

/** `change` also asks for a publication, `record` does not. */
export function createFederationStore(database: Tabled, change: Change<Tables>, record: Change<Tables>) {
  const tables = tablesOf<Tables>(database)

  const where = ({ q = '', state }: Filter) =>
    tables
      .selectFrom('external_anchor')
      // The code of an instance is stored as it is read.
      .$if(q !== '', (query) =>
        query.where(({ or }) => or([textContains('instance', q), textContains('hash', q)])),
      )
      .$if(state !== undefined, (query) => query.where('state', '=', state!))

  return {
    list: ({ offset, limit, sort = 'instance', ...filter }: Page & Filter): Promise<AnchorSummary[]> => {
      const { column, direction } = orderOf(sort, ORDERS)
      return where(filter)
        .select(SUMMARY)
        .orderBy(column, direction)
        .orderBy('examined_at', 'desc')
        .orderBy('sha256')
        .offset(offset)
        .limit(limit)
        .execute()
    },
    count: (filter: Filter) => counted(where(filter)),
    /** Throws `not_found`. */
    find: (sha256: string): Promise<ExternalAnchorRow> => findIn(tables, sha256),
    trusted: () => trustedIn(tables),
    /** The newest anchors of an instance, in any state. */
    history: (instance: string): Promise<AnchorSummary[]> =>
      tables
        .selectFrom('external_anchor')
        .select(SUMMARY)
        .where('instance', '=', instance)
        .orderBy('examined_at', 'desc')
        .limit(20)
        .execute(),
    configuration: (instance: string): Promise<FederatedConfigurationRow | undefined> =>
      tables
        .selectFrom('federated_configuration')
        .selectAll()
        .where('instance', '=', instance)
        .executeTakeFirst(),
    /** The number of contracts, proposed or in force, with members of the instance. */
    contractsWith: (instance: string) => liveContractsWith(tables, instance),
    /** The configurations without their shared parameters. */
    configurations: () =>
      tables
        .selectFrom('federated_configuration')
        .select(['instance', 'anchor', 'tried_at', 'failure', 'read_at', 'expires_at'])
        .select(['configuration_index', 'version', 'registration', 'learned', 'shared_sha256'])
        .execute(),
    ownCertificates: async (): Promise<Buffer[]> =>
      (await tables.selectFrom('signing_key').select('certificate').execute()).map(({ certificate }) =>
        Buffer.from(certificate),
      ),
    /**
     * Stores an examined anchor until somebody decides; an anchor that is not trusted now may be examined
     * again. Throws `conflict`.
     */
    keepExamined: (row: ExternalAnchorRow): Promise<void> =>
      record(async (transaction) => {
        const old = new Date(Date.parse(row.examined_at) - EXAMINED_KEPT_MS).toISOString()
        await transaction
          .deleteFrom('external_anchor')
          .where('state', '=', 'EXAMINED')
          .where('examined_at', '<', old)
          .execute()
        const known = await transaction
          .selectFrom('external_anchor')
          .select('state')
          .where('sha256', '=', row.sha256)
          .executeTakeFirst()
        if (known !== undefined) nextAnchorState(known.state, 'examine')
        const open = transaction.selectFrom('external_anchor').where('state', '=', 'EXAMINED')
        if (known === undefined && (await counted(open)) >= MOST_EXAMINED)
          throw new Fault('conflict', { what: say`${MOST_EXAMINED} anchors wait for a decision` })
        const { sha256, ...values } = row
        await transaction
          .insertInto('external_anchor')
          .values(row)
          .onConflict((conflict) => conflict.column('sha256').doUpdateSet(values))
          .execute()
      }),
    /**
     * Trusts an examined anchor; it replaces an older one of its instance. `examination` was made just now.
     * Throws `not_found`, `conflict` or `anchor_not_verified`.
     */
    trust: (sha256: string, examination: string, instance: string, { by, at }: Decision): Promise<void> =>
      change(async (transaction) => {
        const row = await findIn(transaction, sha256)
        nextAnchorState(row.state, 'trust')
        const others = await trustedIn(transaction)
        const older = others.find(({ anchor }) => anchor.instance === row.instance)
        if (older === undefined && others.length >= MOST_TRUSTED)
          throw new Fault('conflict', { what: say`${MOST_TRUSTED} instances are federated already` })
        const keys = await transaction.selectFrom('signing_key').select('certificate').execute()
        checkApart(anchorOfRow(row), {
          instance,
          ownCertificates: keys.map(({ certificate }) => Buffer.from(certificate)),
          others: others.map(({ anchor }) => anchor),
        })
        if (older !== undefined) {
          await decide(transaction, { ...older, instance: row.instance, state: 'TRUSTED' }, 'replace', {
            by,
            at,
          })
          // Certificates that were learned under the older anchor are not trusted any more. The configuration
          // read under it stays in use.
          await transaction
            .updateTable('federated_configuration')
            .set({ learned: null })
            .where('instance', '=', row.instance)
            .execute()
        }
        await transaction
          .updateTable('external_anchor')
          .set({ examination })
          .where('sha256', '=', sha256)
          .execute()
        await decide(transaction, row, 'trust', { by, at })
      }),
    /**
     * Removes a trusted anchor: its instance leaves the federation with the next configuration. Throws
     * `not_found` or `conflict`.
     */
    remove: (sha256: string, decision: Decision): Promise<void> =>
      change(async (transaction) => {
        const row = await findIn(transaction, sha256)
        await decide(transaction, row, 'remove', decision)
        await transaction.deleteFrom('federated_configuration').where('instance', '=', row.instance).execute()
      }),
    /** Stores what was read, or why reading failed. Does nothing when the anchor is no longer trusted. */
    keepRead: (instance: string, anchor: string, read: Partial<FederatedConfigurationRow>): Promise<void> =>
      record(async (transaction) => {
        const trusted = await trustedIn(transaction)
        if (!trusted.some((one) => one.anchor.instance === instance && one.sha256 === anchor)) return
        const known = await transaction
          .selectFrom('federated_configuration')
          .select(['configuration_index', 'anchor'])
          .where('instance', '=', instance)
          .executeTakeFirst()
        // Another node may have read a newer configuration meanwhile.
        const last = known?.configuration_index
        if (read.configuration_index != null && last != null && read.configuration_index < Number(last))
          return
        await transaction
          .insertInto('federated_configuration')
          .values({ ...NOTHING_READ, instance, anchor, ...read })
          .onConflict((conflict) => conflict.column('instance').doUpdateSet({ anchor, ...read }))
          .execute()
      }),
  }
}

const NOTHING_READ = {
  ...{ tried_at: null, failure: null, read_at: null, url: null, expires_at: null, learned: null },
  ...{ registration: null, version: null, configuration_index: null, shared: null },
}

async function decide(
  transaction: Kysely<Tables>,
  { sha256: anchor, instance, state }: Pick<ExternalAnchorRow, 'sha256' | 'instance' | 'state'>,
  act: Exclude<AnchorAct, 'examine'>,
  { by, at }: Decision,
): Promise<void> {
  await transaction
    .updateTable('external_anchor')
    .set({ state: nextAnchorState(state, act), decided_at: at, decided_by: by })
    .where('sha256', '=', anchor)
    .execute()
  await transaction.insertInto('federation_event').values({ instance, anchor, act, at, by }).execute()
}

async function findIn(kysely: Kysely<Tables>, sha256: string): Promise<ExternalAnchorRow> {
  const row = await kysely
    .selectFrom('external_anchor')
    .selectAll()
    .where('sha256', '=', sha256)
    .executeTakeFirst()
  return mustBe(`the external anchor ${sha256}`, row)
}

/** The contents of the trusted anchors, sorted by instance. */
async function trustedIn(kysely: Kysely<Tables>): Promise<{ sha256: string; anchor: ConfigurationAnchor }[]> {
  const rows = await kysely
    .selectFrom('external_anchor')
    .select(['sha256', 'instance', 'generated_at', 'sources', 'state'])
    .where('state', '=', 'TRUSTED')
    .orderBy('instance')
    .execute()
  return rows.map((row) => ({ sha256: row.sha256, anchor: anchorOfRow(row) }))
}
