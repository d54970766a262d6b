/** Days compared with other servers: what both members signed about them, and what could not be compared. */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { useConsole } from '../../kit/context.ts'
import { CursorTable } from '../../kit/cursor-table.tsx'
import { Head } from '../../kit/facts.tsx'
import { Named, NameOf } from '../../kit/named.tsx'
import { Saved } from '../../kit/saved.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { dayText, Time } from '../../kit/time.tsx'
import { ServerId } from '../words.tsx'

type State = 'due' | 'under_way' | 'concluded' | 'not_comparable' | 'unanswered'
type Day = {
  id: number
  day: string
  memberId: string
  peerMemberId: string
  peerServer: string
  ownSide: 'first' | 'second'
  state: State
  counts: Record<string, number> | null
  error: string | null
  attempts: number
  changedAt: string
}

const STATES: Record<State, [Tone, TextKey]> = {
  due: ['quiet', 'reconciliation.due'],
  under_way: ['quiet', 'reconciliation.underWay'],
  concluded: ['good', 'reconciliation.concluded'],
  not_comparable: ['quiet', 'reconciliation.notComparable'],
  unanswered: ['warn', 'reconciliation.unanswered'],
}
const COUNTS: [string, TextKey][] = [
  ['matched', 'reconciliation.matched'],
  ['unconfirmed', 'reconciliation.unconfirmed'],
  ['notComparable', 'reconciliation.notComparableCount'],
  ['missingAtFirst', 'reconciliation.missingHere'],
  ['missingAtSecond', 'reconciliation.missingThere'],
  ['differing', 'reconciliation.differing'],
]
const DISCREPANCIES = ['missingAtFirst', 'missingAtSecond', 'differing']

export function ReconciliationPage() {
  return (
    <>
      <Head
        title={text('reconciliation.title')}
        lead={text('reconciliation.lead')}
        acts={<Link to="/cases?state=open">{text('reconciliation.openCases')}</Link>}
      />
      <CursorTable<Day>
        operation="getReconciliations"
        caption={text('reconciliation.title')}
        filters={[
          { name: 'day', title: 'reconciliation.day', type: 'date' },
          { name: 'memberId', title: 'reconciliation.member', type: 'text' },
          {
            name: 'state',
            title: 'common.state',
            options: [
              { value: '', title: text('common.all') },
              ...Object.entries(STATES).map(([value, [, word]]) => ({ value, title: text(word) })),
            ],
          },
        ]}
        rowKey={({ id }) => id}
        columns={[
          { title: 'reconciliation.day', cell: ({ day }) => <span class="day">{dayText(day)}</span> },
          {
            title: 'reconciliation.with',
            cell: ({ memberId, peerMemberId, peerServer }) => (
              <details>
                <summary>
                  <NameOf id={peerMemberId} />
                </summary>
                <p class="beside">
                  {text('reconciliation.pair')} <Named id={memberId} /> – <Named id={peerMemberId} />
                </p>
                <p class="beside">
                  {text('servers.one')} <ServerId of={peerServer} />
                </p>
              </details>
            ),
          },
          { title: 'common.state', cell: (one) => <StateOf of={one} /> },
          { title: 'reconciliation.counts', cell: (one) => <Counts of={one} /> },
          {
            title: 'reconciliation.changedAt',
            cell: ({ changedAt }) => (
              <span class="day">
                <Time at={changedAt} />
              </span>
            ),
          },
          {
            title: 'reconciliation.statement',
            acts: ['downloadReconciliationStatement'],
            cell: (one) => <Statement of={one} />,
          },
        ]}
        empty={<p>{text('reconciliation.empty')}</p>}
      />
    </>
  )
}

function StateOf({ of: { state, counts, error, attempts } }: { of: Day }) {
  const differs = DISCREPANCIES.some((name) => (counts?.[name] ?? 0) > 0)
  const [tone, word] = STATES[state]
  return (
    <>
      <Status tone={differs ? 'bad' : tone} word={differs ? 'reconciliation.differs' : word} />
      {error !== null && (
        <p class="wrap">
          {error} <span class="beside">{text('reconciliation.attempts', { count: attempts })}</span>
        </p>
      )}
    </>
  )
}

function Counts({ of: { counts, day, ownSide } }: { of: Day }) {
  if (counts === null) return null
  const side = (name: string, title: TextKey): TextKey => {
    if (!name.startsWith('missing')) return title
    const isOurs = (name === 'missingAtFirst') === (ownSide === 'first')
    return isOurs ? 'reconciliation.missingHere' : 'reconciliation.missingThere'
  }
  return (
    <ul class="plain-list counted">
      {COUNTS.filter(([name]) => (counts[name] ?? 0) > 0).map(([name, title]) => (
        <li key={name}>
          {number(counts[name] ?? 0)}{' '}
          {DISCREPANCIES.includes(name) ? (
            <Link to={`/cases?day=${day}`}>{text(side(name, title))}</Link>
          ) : (
            <span class="beside">{text(title)}</span>
          )}
        </li>
      ))}
    </ul>
  )
}

function Statement({ of: { id, state, day, peerMemberId } }: { of: Day }) {
  const { api } = useConsole()
  if (state !== 'concluded') return null
  return (
    <Act<File>
      operation="downloadReconciliationStatement"
      button={text('exports.download')}
      label={text('reconciliation.download', { day, member: peerMemberId })}
      look="quiet"
      reads
      title={text('reconciliation.download', { day, member: peerMemberId })}
      consequence={<p>{text('reconciliation.downloadConsequence')}</p>}
      send={() => api.download('downloadReconciliationStatement', { params: { id: String(id) } })}
      result={(file) => <Saved file={file} />}
    />
  )
}
