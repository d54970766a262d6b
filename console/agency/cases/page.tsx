/**
 * Discrepancies between our log and those of others: which are open, who investigates them, and how each
 * ended.
 */
import { Link } from '../../kit/address.tsx'
import { CursorTable } from '../../kit/cursor-table.tsx'
import { Head } from '../../kit/facts.tsx'
import { NamedOnDemand } from '../../kit/named.tsx'
import { text } from '../../kit/text.ts'
import { dayText, Time } from '../../kit/time.tsx'
import { type Case, CaseStatus, Finding, STATES } from './words.tsx'

export function CasesPage() {
  return (
    <>
      <Head title={text('cases.title')} lead={text('cases.lead')} />
      <CursorTable<Case>
        operation="getReconciliationCases"
        caption={text('cases.title')}
        filters={[
          {
            name: 'state',
            title: 'common.state',
            options: [
              { value: '', title: text('common.all') },
              ...Object.entries(STATES).map(([value, [, word]]) => ({ value, title: text(word) })),
            ],
          },
          { name: 'day', title: 'reconciliation.day', type: 'date' },
          { name: 'memberId', title: 'reconciliation.member', type: 'text' },
          { name: 'requestId', title: 'search.requestId', type: 'text' },
          { name: 'assignee', title: 'cases.assignee', type: 'text' },
        ]}
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'cases.case',
            cell: ({ id }) => <Link to={`/cases/${id}`}>{text('cases.link', { id: String(id) })}</Link>,
          },
          { title: 'reconciliation.day', cell: ({ day }) => <span class="day">{dayText(day)}</span> },
          {
            title: 'reconciliation.pair',
            cell: ({ memberId, peerMemberId }) => (
              <>
                <NamedOnDemand id={memberId} /> <NamedOnDemand id={peerMemberId} />
              </>
            ),
          },
          { title: 'cases.finding', cell: (one) => <Finding of={one} /> },
          { title: 'common.state', cell: ({ state }) => <CaseStatus of={state} /> },
          {
            title: 'cases.assignee',
            cell: ({ assignee }) => (assignee === null ? text('cases.nobody') : <bdi>{assignee}</bdi>),
          },
          { title: 'cases.changedAt', cell: ({ changedAt }) => <Time at={changedAt} /> },
        ]}
        empty={<p>{text('cases.empty')}</p>}
      />
    </>
  )
}
