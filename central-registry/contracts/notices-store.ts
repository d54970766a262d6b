/** Notices of what is coming: each once, recorded with the job that gives it. */
import type { Kysely } from 'kysely'
import type { Tables } from '../migrations/tables.ts'
import type { Change } from '../store.ts'
import type { Happened } from './move-store.ts'
import { COLUMNS, contentOf, joinedOf, versionOf } from './rows-store.ts'
import { dueNotice, IN_FORCE, NOTICE_DAYS, partiesOf } from './rules.ts'

const DAY_MS = 86_400_000
/** In one transaction; the next run takes the rest. */
const MANY = 200

export type NoticeStore = ReturnType<typeof createNoticeStore>

export function createNoticeStore({
  record,
  notify,
}: {
  record: Change
  notify: (transaction: Kysely<unknown>, happened: Happened) => Promise<void>
}) {
  async function candidates(transaction: Kysely<Tables>, now: number, after: string) {
    const soon = new Date(now + NOTICE_DAYS[0] * DAY_MS).toISOString()
    const rows = transaction
      .selectFrom('contract_version')
      .select(COLUMNS)
      .where('state', 'in', IN_FORCE)
      .where(({ or, eb }) =>
        or([eb('valid_until', '<=', soon), eb('review_at', '<=', new Date(now).toISOString())]),
      )
      .where('contract', '>', after)
    return rows.orderBy('contract').orderBy('version').limit(MANY).execute()
  }

  /** The last contract that was looked at, or undefined when there are no more. */
  async function some(transaction: Kysely<Tables>, now: number, after: string): Promise<string | undefined> {
    const rows = await candidates(transaction, now, after)
    if (rows.length === 0) return undefined
    const at = new Date(now).toISOString()
    const ids = [...new Set(rows.map(({ contract }) => contract))]
    const given = Map.groupBy(
      await transaction
        .selectFrom('contract_notice')
        .select(['contract', 'version', 'notice'])
        .where('contract', 'in', ids)
        .execute(),
      ({ contract, version }) => `${contract} ${Number(version)}`,
    )
    const agreed = await transaction
      .selectFrom('contract_version')
      .select(['contract', 'version'])
      .where('contract', 'in', ids)
      .where('state', '=', 'ACTIVE')
      .execute()
    for (const row of rows) {
      const version = Number(row.version)
      const notices = (given.get(`${row.contract} ${version}`) ?? []).map(({ notice }) => notice)
      const hasSuccessor = agreed.some(
        (one) => one.contract === row.contract && Number(one.version) > version,
      )
      const notice = dueNotice(versionOf(row), { now: at, given: new Set(notices), hasSuccessor })
      if (notice === undefined) continue
      const { contract } = row
      await transaction.insertInto('contract_notice').values({ contract, version, notice, at }).execute()
      const members = partiesOf(contentOf(row), await joinedOf(transaction, { contract, version }))
      await notify(transaction as unknown as Kysely<unknown>, { contract, version, event: notice, members })
    }
    // A contract may stand at the edge with some of its versions: it is looked at again then.
    const last = rows.at(-1)!.contract
    return rows.length < MANY || ids.length === 1 ? last : ids.at(-2)
  }

  return {
    /** Gives every notice that is due now. */
    async give(now: number): Promise<void> {
      for (let after: string | undefined = ''; after !== undefined; ) {
        const from: string = after
        after = await record((transaction) => some(transaction, now, from))
      }
    },
  }
}
