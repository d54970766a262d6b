/**
 * Gives notices of the end or the review of contracts: each once, recorded in one transaction with the job
 * that sends it.
 */
import type { Kysely } from 'kysely'
import { collectFailures } from '#platform/collect-failures.ts'
import { type Database, tablesOf, type Within } from '#platform/database/open-database.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Change } from '../../changes/store.ts'
import type { Happened } from '../../contract-versions/move-version-store.ts'
import { COLUMNS, contentOf, joinedOf, versionOf } from '../../contract-versions/rows-store.ts'
import { dueNotice, IN_FORCE, NOTICE_DAYS, partiesOf } from '../../contract-versions/rules.ts'
import type { Tables } from './tables.ts'

const DAY_MS = 86_400_000
/** Contracts in one transaction. */
const MANY = 200
const LIGHT = [
  ...(['contract', 'version', 'hash', 'state', 'critical'] as const),
  ...(['valid_from', 'valid_until', 'review_at'] as const),
] as const

export type NoticeStore = ReturnType<typeof createNoticeStore>

export function createNoticeStore({
  database,
  record,
  notify,
  log,
}: {
  database: Database
  log: Pick<Log, 'warn'>
  record: Change<Tables>
  notify: (transaction: Within, happened: Happened) => Promise<void>
}) {
  const tables = tablesOf<Tables>(database)

  /** Versions whose end or review is near, and which lack a notice. */
  async function candidates(now: number): Promise<Key[]> {
    const soon = new Date(now + NOTICE_DAYS[0] * DAY_MS).toISOString()
    const inForce = () => tables.selectFrom('contract_version').select(LIGHT).where('state', 'in', IN_FORCE)
    // Two queries, each with its own index: a single query with "or" would read every contract each minute.
    const rows = await inForce()
      .where('valid_until', '<=', soon)
      .union(inForce().where('review_at', '<=', new Date(now).toISOString()))
      .execute()
    const notices = await tables
      .selectFrom('contract_notice')
      .select(['contract', 'version', 'notice'])
      .execute()
    const given = Map.groupBy(notices, keyOf)
    const at = new Date(now).toISOString()
    return rows
      .filter((row) =>
        dueNotice(versionOf(row), { now: at, given: noticesOf(given, row), hasSuccessor: false }),
      )
      .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  }

  /**
   * Gives these contracts their notices. Reads what was given again, because another node may have given some
   * meanwhile.
   */
  async function giveSome(transaction: Kysely<Tables>, keys: Key[], now: number): Promise<void> {
    const at = new Date(now).toISOString()
    const ids = [...new Set(keys.map(({ contract }) => contract))]
    const rows = await transaction
      .selectFrom('contract_version')
      .select(COLUMNS)
      .where('contract', 'in', ids)
      .where('state', 'in', IN_FORCE)
      .orderBy('contract')
      .orderBy('version')
      .execute()
    const given = Map.groupBy(
      await transaction
        .selectFrom('contract_notice')
        .select(['contract', 'version', 'notice'])
        .where('contract', 'in', ids)
        .execute(),
      keyOf,
    )
    for (const row of rows) {
      const { contract } = row
      const version = Number(row.version)
      const hasSuccessor = rows.some(
        (one) => one.state === 'ACTIVE' && one.contract === contract && Number(one.version) > version,
      )
      const notice = dueNotice(versionOf(row), { now: at, given: noticesOf(given, row), hasSuccessor })
      if (notice === undefined) continue
      await transaction.insertInto('contract_notice').values({ contract, version, notice, at }).execute()
      const members = partiesOf(contentOf(row), await joinedOf(transaction, { contract, version }))
      await notify(transaction, { contract, version, event: notice, members })
    }
  }

  return {
    /** Gives every notice that is due now. Throws at the end when one could not be given. */
    async give(now: number): Promise<void> {
      const due = await candidates(now)
      const failures = collectFailures(log)
      for (let from = 0; from < due.length; from += MANY) {
        const some = due.slice(from, from + MANY)
        try {
          await record((transaction) => giveSome(transaction, some, now))
        } catch {
          // One of them keeps no other back.
          await failures.each(some, keyOf, (one) =>
            record((transaction) => giveSome(transaction, [one], now)),
          )
        }
      }
      failures.end()
    },
  }
}

type Key = { contract: string; version: number }

function keyOf({ contract, version }: Key): string {
  return `${contract} ${Number(version)}`
}

function noticesOf(given: Map<string, { notice: string }[]>, row: Key): Set<string> {
  return new Set((given.get(keyOf(row)) ?? []).map(({ notice }) => notice))
}
