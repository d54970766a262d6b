/**
 * What people complained of: which wait for an answer, who handles them, and on which days there were too
 * many.
 */
import { Link } from '../../kit/address.tsx'
import { CursorTable } from '../../kit/cursor-table.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { number as inWords, text } from '../../kit/text.ts'
import { dayText, Time } from '../../kit/time.tsx'
import { NamedId } from '../words.tsx'
import { type Complaint, ComplaintStatus, PartyInRow, reasonText, STATES } from './words.tsx'

type Storm = { day: string; clientId: string; refused: number }

export function ComplaintsPage() {
  return (
    <>
      <Head title={text('complaints.title')} lead={text('complaints.lead')} />
      <CursorTable<Complaint>
        operation="getComplaints"
        caption={text('complaints.title')}
        filters={[
          { name: 'q', title: 'complaints.search', type: 'text' },
          {
            name: 'state',
            title: 'common.state',
            options: [
              { value: '', title: text('common.all') },
              { value: 'open', title: text('complaints.notClosed') },
              ...Object.entries(STATES).map(([value, [, word]]) => ({ value, title: text(word) })),
            ],
          },
          {
            name: 'late',
            title: 'complaints.due',
            options: [
              { value: '', title: text('common.all') },
              { value: 'true', title: text('complaints.late') },
            ],
          },
          { name: 'assignee', title: 'cases.assignee', type: 'text' },
        ]}
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'complaints.one',
            cell: ({ number, receivedAt }) => (
              <>
                <Link to={`/complaints/${number}`}>
                  <span class="id">{number}</span>
                </Link>
                <br />
                <Time at={receivedAt} />
              </>
            ),
          },
          { title: 'complaints.about', cell: ({ service }) => <PartyInRow of={service} /> },
          { title: 'complaints.usedBy', cell: ({ consumer }) => <PartyInRow of={consumer} /> },
          { title: 'complaints.reason', cell: ({ reason }) => reasonText(reason) },
          {
            title: 'common.state',
            cell: (one) => (
              <>
                <ComplaintStatus of={one} />
                <br />
                <span class="beside">
                  {text('complaints.due')} <Time at={one.dueAt} />
                </span>
              </>
            ),
          },
          {
            title: 'cases.assignee',
            cell: ({ assignee }) => (assignee === null ? text('cases.nobody') : <bdi>{assignee}</bdi>),
          },
        ]}
        empty={
          <p>
            {text('complaints.empty')} <Link to="/trackers">{text('trackers.title')}</Link>
          </p>
        }
      />
      <Storms />
    </>
  )
}

/** Nothing where there were never too many. */
function Storms() {
  const counts = useAnswer<{ storms: Storm[] }>('getComplaintCounts')
  if (counts.state !== 'there' || counts.data.storms.length === 0) return null
  return (
    <Part title={text('complaints.storms')}>
      <HeldTable<Storm>
        caption={text('complaints.storms')}
        name="storms"
        rows={counts.data.storms}
        rowKey={({ day, clientId }) => `${day} ${clientId}`}
        words={({ day, clientId }) => `${dayText(day)} ${clientId}`}
        columns={[
          { title: 'complaints.day', cell: ({ day }) => <span class="day">{dayText(day)}</span> },
          { title: 'complaints.broughtBy', cell: ({ clientId }) => <NamedId of={clientId} /> },
          { title: 'complaints.refused', cell: ({ refused }) => inWords(refused) },
        ]}
        empty={null}
      />
    </Part>
  )
}
