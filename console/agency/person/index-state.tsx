/**
 * The state of the index by person: whether it is up to date, whether the holder of its keys answers, since
 * when it can be searched.
 */
import { Facts, Part } from '../../kit/facts.tsx'
import { Status } from '../../kit/status.tsx'
import { number, text } from '../../kit/text.ts'
import { monthText } from '../../kit/time.tsx'
import { type Gap, Gaps, type Reason, Reasons } from './coverage.tsx'

export type IndexState = {
  isConfigured: boolean
  totals: Reason[]
  gaps: Gap[]
  more: boolean
  backlog: { records: number; since: string | null; lastError: string | null }
  keyHolder:
    | { answers: true; oldestMonth: string; isAhead: boolean; months: { destroyedAt: string | null }[] }
    | { answers: false; why: string }
    | null
}

const COVERED = ['indexed', 'not_personal']

export function IndexStates({ of }: { of: IndexState }) {
  const { keyHolder, backlog, totals, gaps, more } = of
  const covered = totals
    .filter(({ reason }) => COVERED.includes(reason))
    .reduce((sum, { records }) => sum + records, 0)
  return (
    <Part title={text('person.index')}>
      <Facts
        of={[
          ['person.keyHolder', <Holder key="holder" of={keyHolder} />],
          [
            'person.backlog',
            backlog.records === 0 ? (
              <Status key="backlog" tone="good" word="person.upToDate" />
            ) : (
              <>
                {text('person.waiting', { count: backlog.records })}{' '}
                {backlog.lastError !== null && <span class="wrap">{backlog.lastError}</span>}
              </>
            ),
          ],
          ['person.covered', number(covered)],
        ]}
      />
      <h3>{text('person.notCovered')}</h3>
      <Reasons of={totals.filter(({ reason }) => !COVERED.includes(reason))} />
      {gaps.length > 0 && <Gaps of={gaps} more={more} />}
    </Part>
  )
}

function Holder({ of }: { of: IndexState['keyHolder'] }) {
  if (of === null) return <Status tone="quiet" word="person.noHolder" />
  if (!of.answers)
    return (
      <>
        <Status tone="bad" word="person.holderAway" /> <span class="wrap">{of.why}</span>
      </>
    )
  return (
    <>
      <Status
        tone={of.isAhead ? 'bad' : 'good'}
        word={of.isAhead ? 'person.holderAhead' : 'person.holderAnswers'}
      />{' '}
      <span class="beside">{text('person.since', { month: monthText(of.oldestMonth) })}</span>
    </>
  )
}
