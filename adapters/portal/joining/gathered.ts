/** What came of asking all systems: the uses, and what they cover and do not. */
import { isWithin, type Span } from '../asking/chosen-days.ts'
import type { System, Systems } from '../asking/find-systems.ts'
import { joinRows, type Use } from './join.ts'
import type { Answered, Failed, Look, Mass, Party } from './row.ts'

/** Who asked for the list, and what each system says of that, the highest count first. */
type Asker = { client: Party; isOwn: boolean; claims: Omit<Look, 'client'>[] }

export type Gathered = {
  uses: Use[]
  masses: Mass[]
  looks: Asker[]
  answered: Answered[]
  failed: Failed[]
  absent: System[]
  silent: System[]
  tooMany: number
  /** Other instances whose systems could not be listed. */
  unlisted: readonly string[]
  listedAt: number | undefined
}

export function isAnswered(one: Answered | Failed): one is Answered {
  return 'rows' in one
}

/**
 * `own`: the portal's own subsystem. Uses outside of `span` are left out only now, when both sides of each
 * are joined.
 */
export function gatherAll(
  results: readonly (Answered | Failed)[],
  systems: Systems,
  { own, span }: { own: string; span: Span },
): Gathered {
  const answered = results.filter(isAnswered).sort(byName)
  return {
    uses: joinRows(answered.flatMap(({ rows }) => rows)).filter((use) => isWithin(span, use)),
    masses: answered.flatMap(({ masses }) => masses),
    looks: mergeLooks(
      answered.flatMap(({ looks }) => looks),
      own,
    ),
    answered,
    failed: results.filter((one): one is Failed => !isAnswered(one)).sort(byName),
    absent: systems.absent,
    silent: systems.silent,
    tooMany: systems.tooMany,
    unlisted: systems.unlisted,
    listedAt: systems.listedAt,
  }
}

/**
 * One for each client: it asks many systems each time. A person sees by the portal's own whether anybody else
 * asked in their name.
 */
function mergeLooks(looks: readonly Look[], own: string): Gathered['looks'] {
  const clients = Map.groupBy(looks, ({ client }) => client.id)
  return [...clients].map(([id, all]) => ({
    client: all[0]!.client,
    isOwn: id === own,
    claims: all
      .map(({ client: _client, ...claim }) => claim)
      .sort((one, other) => other.count - one.count || one.told.id.localeCompare(other.told.id)),
  }))
}

function byName(a: { system: System }, b: { system: System }): number {
  return a.system.name.localeCompare(b.system.name) || (a.system.id < b.system.id ? -1 : 1)
}

/**
 * Whether one system left nothing open that anybody knows of. Exceptions that were set may hold or not, so
 * they leave something open.
 */
export function hasToldAll({ coverage, cut, dropped, form, rows, hasOlder }: Answered): boolean {
  if (coverage?.isAll !== true || cut !== undefined || dropped > 0 || form === 'plain') return false
  if (hasOlder || coverage.isCut) return false
  const { undeclared, unread, behind, withheld, general, lostMonths, declaredLater, calledUnread } = coverage
  const isGeneral = general > 0 || rows.some(({ client }) => client === undefined)
  const gaps = undeclared.length + lostMonths.length + unread + behind + declaredLater + calledUnread
  return gaps + withheld === 0 && !isGeneral
}

/** Whether no gap is known. Gaps that nobody told of may be there all the same. */
export function isComplete({ answered, failed, absent, silent, tooMany, unlisted }: Gathered): boolean {
  const missing = [failed, absent, silent, unlisted]
  return tooMany === 0 && answered.every(hasToldAll) && missing.every((list) => list.length === 0)
}
