/**
 * "Is this all?": the exchanges that a search by person could not examine, in words, by reason, day and
 * service.
 */
import { Link } from '../../kit/address.tsx'
import { Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { Status } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { dayText, monthText } from '../../kit/time.tsx'
import { NamedId } from '../words.tsx'

export type Reason = { reason: string; records: number }
export type Gap = Reason & { day: string; serviceId: string | null; firstIndex: number; lastIndex: number }

export type Coverage = {
  isAll: boolean
  covered: Reason[]
  notCovered: {
    reasons: Reason[]
    gaps: Gap[]
    more: boolean
    backlog: { records: number; since: string | null; lastError: string | null }
    monthsWithoutKey: string[]
    monthsNotSearched: {
      month: string
      records: number
      why: 'no_key' | 'other_key' | 'key_destroyed' | 'key_unknown'
    }[]
    declaredLater: LatePlace[]
    moreLate: boolean
    oldestMonth: string
  }
  searchedMonths: string[]
}

type LatePlace = {
  id: number
  serviceId: string
  in: string
  name: string
  declaredAt: string
  firstIndex: number
  before: number | null
  records: number
  lastDay: string
}

const REASONS: Record<string, TextKey> = {
  undeclared: 'person.undeclared',
  contract_unknown: 'person.contractUnknown',
  absent: 'person.absent',
  unreadable: 'person.unreadable',
  too_many: 'person.tooMany',
  too_large: 'person.tooLarge',
  not_kept: 'person.notKept',
  key_destroyed: 'person.keyDestroyed',
  refused: 'person.refused',
  erased: 'person.erased',
}

const NOT_SEARCHED = {
  no_key: 'person.monthNoKey',
  other_key: 'person.monthOtherKey',
  key_unknown: 'person.monthKeyUnknown',
  key_destroyed: 'person.monthKeyDestroyed',
} as const

function reasonText(reason: string): string {
  const isReply = reason.startsWith('reply_')
  const key = REASONS[isReply ? reason.slice('reply_'.length) : reason]
  const words = key === undefined ? reason : text(key)
  return isReply ? text('person.ofReply', { reason: words }) : words
}

export function Reasons({ of }: { of: Reason[] }) {
  if (of.length === 0) return <>{text('person.nothingMissing')}</>
  return <ul class="plain-list">{reasonItems(of)}</ul>
}

function reasonItems(of: Reason[]) {
  return of.map(({ reason, records }) => (
    <li key={reason}>
      {text('person.records', { count: records })} {reasonText(reason)}
      {reason.endsWith('undeclared') && (
        <>
          {' '}
          <Link to="/person-places">{text('person.declare')}</Link>
        </>
      )}
    </li>
  ))
}

export function Gaps({ of, more }: { of: Gap[]; more: boolean }) {
  return (
    <details>
      <summary>{text('person.byDay')}</summary>
      {more && <p class="note">{text('person.moreGaps', { count: of.length })}</p>}
      <HeldTable<Gap>
        caption={text('person.byDay')}
        name="gaps"
        rows={of}
        rowKey={({ day, reason, serviceId }) => `${day} ${reason} ${serviceId ?? ''}`}
        words={({ day, reason, serviceId }) => [dayText(day), reasonText(reason), serviceId].join(' ')}
        columns={[
          { title: 'person.day', cell: ({ day }) => dayText(day) },
          { title: 'search.service', cell: ({ serviceId }) => <NamedId of={serviceId} /> },
          { title: 'person.why', cell: ({ reason }) => reasonText(reason) },
          { title: 'exports.records', number: true, cell: ({ records }) => number(records) },
          { title: 'common.acts', cell: (gap) => <Look of={gap} /> },
        ]}
        empty={null}
      />
    </details>
  )
}

/** The ordinary search for these exchanges. */
function Look({ of: { day, serviceId } }: { of: Gap }) {
  const next = new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString()
  const query = new URLSearchParams({
    from: `${day}T00:00:00.000Z`,
    to: next,
    ...(serviceId !== null && { serviceId }),
  })
  return (
    <Link to={`/records?${query.toString()}`}>
      {text('person.look')} <span class="beside">{dayText(day)}</span>
    </Link>
  )
}

/** The records that were not searched at a place, because the place was declared only later. */
function Late({ of }: { of: LatePlace }) {
  const { id, serviceId, name, firstIndex, before, records, lastDay } = of
  const values = {
    place: `${of.in} ${name}`.trim(),
    day: dayText(of.declaredAt.slice(0, 10)),
    first: firstIndex,
    lastDay: dayText(lastDay),
  }
  return (
    <li key={id} class="wrap">
      {before === null
        ? text('person.lateByDay', { ...values, count: records })
        : text('person.late', { ...values, last: before - 1, count: records })}{' '}
      <NamedId of={serviceId} />
    </li>
  )
}

export function NotCovered({ of: { isAll, notCovered, searchedMonths } }: { of: Coverage }) {
  const { reasons, gaps, more, backlog, monthsWithoutKey, monthsNotSearched, oldestMonth } = notCovered
  const { declaredLater, moreLate } = notCovered
  return (
    <Part title={text('person.isThisAll')}>
      <p>
        <Status tone={isAll ? 'good' : 'warn'} word={isAll ? 'person.all' : 'person.notAll'} />
      </p>
      <ul class="plain-list">
        {reasonItems(reasons)}
        {backlog.records > 0 && (
          <li>
            {text('person.waiting', { count: backlog.records })}{' '}
            {backlog.lastError !== null && <span class="wrap">{backlog.lastError}</span>}
          </li>
        )}
        {monthsWithoutKey.length > 0 && (
          <li>{text('person.withoutKey', { months: monthsWithoutKey.map(monthText).join(', ') })}</li>
        )}
        {monthsNotSearched.map(({ month, records, why }) => (
          <li key={`${month} ${why}`}>
            {monthText(month)}: {text('person.records', { count: records })} {text(NOT_SEARCHED[why])}
          </li>
        ))}
        {declaredLater.map((one) => (
          <Late key={one.id} of={one} />
        ))}
        {moreLate && <li>{text('person.moreLate')}</li>}
        <li>{text('person.before', { month: monthText(oldestMonth) })}</li>
        <li>
          {searchedMonths.length === 0
            ? text('person.noMonth')
            : text('person.months', {
                first: monthText(searchedMonths[0]!),
                last: monthText(searchedMonths.at(-1)!),
              })}
        </li>
      </ul>
      {gaps.length > 0 && <Gaps of={gaps} more={more} />}
    </Part>
  )
}
