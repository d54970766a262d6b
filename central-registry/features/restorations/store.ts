/** Reads what a restored register has recorded about itself, and stores acceptances. */

import type { Kysely } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import type { Suspended } from '#schemas/global-configuration.ts'
import { say } from '#schemas/said.ts'
import type { Act } from '../../changes/decision.ts'
import type { Change } from '../../changes/store.ts'
import type { Reach } from '../../configuration/restored-store.ts'
import { acceptedIn, RESTORED_BACKUP, reachedIn } from '../../configuration/restored-store.ts'
import { bringBackKeys, type SigningKeyRow } from '../../configuration/signing-keys/store.ts'
import type { RegisterTables, RestorationRow } from '../../register/tables.ts'
import { endKeys } from './access-store.ts'
import type { Restored } from './rules.ts'
import { type RemoveAnchor, readStanding, withdrawAgain } from './standing-store.ts'
import type { KeysAfter, SigningKeyKept, Trusted } from './taken-away.ts'

export type RestorationStore = ReturnType<typeof createRestorationStore>

const COLUMNS = [
  ...(['id', 'content', 'sha256', 'accepted_at', 'proposed_by', 'accepted_by'] as const),
  ...(['configuration_index', 'suspension_list', 'leaves'] as const),
] as const

/** What is taken away again with an acceptance, which signing keys come back, and by whom. */
type TakeAway = {
  /** Ids of API keys to revoke. */
  ending: string[]
  suspended: Suspended[]
  trust: Trusted[]
  keys: KeysAfter
  by: Caller
  approver: Caller | undefined
}

/**
 * Suspends again, within the acceptance, what was suspended when the register was lost; implemented by the
 * suspensions feature.
 */
export type SuspendAgain = {
  suspendAgain(
    transaction: Kysely<RegisterTables>,
    all: Suspended[],
    act: Act,
    approver: Caller | undefined,
  ): Promise<void>
}

export function createRestorationStore(
  database: Database,
  change: Change,
  others: SuspendAgain & { removeAnchor: RemoveAnchor },
) {
  const tables = tablesOf<RegisterTables>(database)
  return {
    restored: () => restoredIn(tables),
    accepted: () => acceptedIn(tables),
    standing: (at: Date) => readStanding(database, at),
    list: (): Promise<RestorationRow[]> =>
      tables.selectFrom('restoration').select(COLUMNS).orderBy('id', 'desc').limit(100).execute(),
    /**
     * Stores an acceptance and takes away again everything in `taken`. Throws `conflict` when the register
     * has changed since it was looked at.
     */
    accept: (row: Omit<RestorationRow, 'id'>, seen: Reach, { by, approver, keys, ...taken }: TakeAway) =>
      change(async (transaction) => {
        const now = await restoredIn(transaction)
        const isSame = (Object.keys(seen) as (keyof Reach)[]).every((name) => now[name] === seen[name])
        if (!isSame) throw new Fault('conflict', { what: say`the register was published meanwhile` })
        await transaction.insertInto('restoration').values(row).execute()
        const at = row.accepted_at
        await endKeys(transaction as never, taken.ending, at)
        // It may have been declined, withdrawn or carried out after the backup. This acceptance itself is
        // decided already.
        await transaction
          .updateTable('proposal')
          .set({ state: 'expired' })
          .where('state', '=', 'proposed')
          .execute()
        await others.suspendAgain(transaction, taken.suspended, { by, at, words: row.accepted_by }, approver)
        await withdrawAgain(transaction, taken.trust, { by: row.accepted_by, at }, others.removeAnchor)
        await bringBackKeys(transaction, { ...keys, back: keys.back.map(rowOf) })
        await transaction.deleteFrom('system_parameter').where('name', '=', RESTORED_BACKUP).execute()
      }),
  }
}

function rowOf({ id, certificate, createdAt, knownAt, activatedAt }: SigningKeyKept): SigningKeyRow {
  return {
    ...{ id, certificate: Buffer.from(certificate, 'base64'), is_active: 0 },
    ...{ created_at: createdAt, known_at: knownAt, activated_at: activatedAt },
  }
}

async function restoredIn(kysely: Kysely<RegisterTables>): Promise<Restored> {
  const parameters = await kysely.selectFrom('system_parameter').select(['name', 'value']).execute()
  const value = (name: string): string | null => parameters.find((one) => one.name === name)?.value ?? null
  const published = await kysely
    .selectFrom('publication')
    .select('generated_at')
    .orderBy('configuration_index', 'desc')
    .limit(1)
    .executeTakeFirst()
  const logged = await kysely
    .selectFrom('log_entry')
    .select('reference')
    .where('kind', '=', 'audit-log')
    .orderBy('reference', 'desc')
    .limit(1)
    .executeTakeFirst()
  return {
    ...{ backup: value(RESTORED_BACKUP), instance: value('instance') },
    ...(await reachedIn(kysely)),
    publishedAt: published?.generated_at ?? null,
    auditRecords: logged?.reference ?? 0,
  }
}
