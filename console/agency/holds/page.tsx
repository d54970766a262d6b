/** Legal holds: content that may not be erased while a case is open. */
import { Act } from '../../kit/act.tsx'
import { CursorTable } from '../../kit/cursor-table.tsx'
import { Head } from '../../kit/facts.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { CaseAndReason, WhenBy } from '../cells.tsx'
import { PlaceHold, type Scope, ScopeView } from './place.tsx'

type Hold = {
  id: number
  case: string
  reason: string
  scope: Scope
  setBy: string
  setAt: string
  liftedBy: string | null
  liftedAt: string | null
  liftReason: string | null
}

export function HoldsPage() {
  return (
    <>
      <Head title={text('holds.title')} lead={text('holds.lead')} acts={<PlaceHold />} />
      <CursorTable<Hold>
        operation="findLegalHolds"
        caption={text('holds.title')}
        filters={[
          { name: 'case', title: 'why.case', type: 'text' },
          {
            name: 'active',
            title: 'common.state',
            options: [
              { value: '', title: text('common.all') },
              { value: 'true', title: text('holds.inForce') },
              { value: 'false', title: text('holds.lifted') },
            ],
          },
        ]}
        rowKey={({ id }) => id}
        columns={[
          { title: 'holds.number', number: true, cell: ({ id }) => String(id) },
          {
            title: 'looks.why',
            cell: (one) => <CaseAndReason {...one} />,
          },
          { title: 'holds.scope', cell: ({ scope }) => <ScopeView of={scope} /> },
          {
            title: 'holds.setAt',
            cell: ({ setAt, setBy }) => <WhenBy at={setAt} by={setBy} />,
          },
          { title: 'common.state', cell: (one) => <State of={one} /> },
          { title: 'common.acts', acts: ['liftLegalHold'], cell: (one) => <Lift of={one} /> },
        ]}
        empty={<p>{text('holds.empty')}</p>}
      />
    </>
  )
}

function State({ of: { liftedAt, liftedBy, liftReason } }: { of: Hold }) {
  if (liftedAt === null) return <Status tone="warn" word="holds.inForce" />
  return (
    <>
      <Status tone="quiet" word="holds.lifted" />
      <br />
      <Time at={liftedAt} />
      <br />
      <bdi class="beside">
        {liftedBy}: {liftReason}
      </bdi>
    </>
  )
}

function Lift({ of: { id, case: caseNumber, liftedAt } }: { of: Hold }) {
  if (liftedAt !== null) return null
  return (
    <div class="acts">
      <Act<unknown>
        operation="liftLegalHold"
        button={text('holds.lift')}
        label={text('holds.liftThis', { id: String(id) })}
        title={text('holds.liftThis', { id: String(id) })}
        consequence={<p>{text('holds.liftConsequence')}</p>}
        nameToType={caseNumber}
        fields={[{ name: 'reason', title: 'why.reason', maxLength: 500 }]}
        send={({ reason }, call) =>
          call('liftLegalHold', { params: { id: String(id) }, body: { reason: String(reason).trim() } })
        }
        result={() => <p>{text('holds.liftedNow')}</p>}
      />
    </div>
  )
}
