/**
 * Audit orders of an authority: what was ordered, what this server answered, and the decision when the policy
 * requires one.
 */
import type { AuditScope } from '#schemas/audit-order.ts'
import { Act } from '../../kit/act.tsx'
import { OrderScope } from '../../kit/audit-scope.tsx'
import { Head } from '../../kit/facts.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { BeginningOfId, ExchangeLink } from '../words.tsx'

type State = 'waiting' | 'due' | 'refusing' | 'answered' | 'refused'

type Order = {
  id: string
  authority: string
  case: string
  /** Null, like the scope, when this server does not know the form of the order. */
  legalBasis: string | null
  scope: AuditScope | null
  deadline: string
  state: State
  overdue: boolean
  reason: string | null
  error: string | null
  matched: number | null
  drawn: number[] | null
  agreedBy: string | null
  decidedBy: string | null
}

const TONES: Record<State, Tone> = {
  ...{ waiting: 'warn', due: 'quiet', refusing: 'quiet', answered: 'good', refused: 'bad' },
}
const STATES = ['waiting', 'due', 'refusing', 'answered', 'refused'] as const

export function AuditOrders() {
  return (
    <>
      <Head title={text('auditOrders.title')} lead={text('auditOrders.lead')} />
      <Table<Order>
        operation="getAuditOrders"
        caption={text('auditOrders.title')}
        filters={[
          {
            name: 'state',
            title: 'common.state',
            options: [
              { value: '', title: text('common.all') },
              ...STATES.map((value) => ({ value, title: text(`auditOrders.${value}`) })),
            ],
          },
        ]}
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'auditOrders.order',
            cell: (one) => (
              <>
                <bdi class="wrap">{one.authority}</bdi>
                <br />
                <bdi class="wrap">{text('auditOrders.case', { case: one.case })}</bdi>
                <br />
                <span class="beside">
                  <BeginningOfId of={one.id} />
                </span>
              </>
            ),
          },
          {
            title: 'auditOrders.legalBasis',
            cell: ({ legalBasis }) => <bdi class="wrap">{legalBasis ?? '–'}</bdi>,
          },
          {
            title: 'auditOrders.scope',
            cell: ({ scope }) => (scope === null ? text('auditOrders.newerForm') : <OrderScope of={scope} />),
          },
          { title: 'auditOrders.deadline', cell: ({ deadline }) => <Time at={deadline} relative /> },
          { title: 'common.state', cell: (one) => <Progress of={one} /> },
          {
            title: 'common.acts',
            acts: ['approveAuditOrder', 'refuseAuditOrder'],
            cell: (one) => (one.state === 'waiting' ? <Decide of={one} /> : null),
          },
        ]}
        empty={<p>{text('auditOrders.none')}</p>}
      />
    </>
  )
}

function Progress({ of }: { of: Order }) {
  return (
    <>
      <Status tone={TONES[of.state]} word={`auditOrders.${of.state}`} />
      {of.overdue && <Status tone="bad" word="auditOrders.overdue" />}
      {of.matched !== null && (
        <>
          <br />
          {text('auditOrders.matched', { count: of.matched })}
        </>
      )}
      {of.drawn !== null && of.drawn.length > 0 && (
        <>
          <br />
          <Drawn of={of.drawn} />
        </>
      )}
      {of.agreedBy !== null && of.state === 'waiting' && (
        <>
          <br />
          <bdi class="wrap">{text('auditOrders.agreedBy', { name: of.agreedBy })}</bdi>
        </>
      )}
      {of.decidedBy !== null && (
        <>
          <br />
          <bdi class="wrap">{text('auditOrders.decidedBy', { name: of.decidedBy })}</bdi>
        </>
      )}
      {[of.reason, of.error].map(
        (why) =>
          why !== null && (
            <p key={why}>
              <bdi class="wrap">{why}</bdi>
            </p>
          ),
      )}
    </>
  )
}

/** The records of the sample, each with its page. */
function Drawn({ of }: { of: number[] }) {
  return (
    <details>
      <summary>{text('auditOrders.drawnCount', { count: of.length })}</summary>
      {of.map((index) => (
        <p key={index}>
          <ExchangeLink index={index} />
        </p>
      ))}
    </details>
  )
}

function Decide({ of }: { of: Order }) {
  const params = { id: of.id }
  return (
    <div class="acts">
      <Act
        operation="approveAuditOrder"
        button={text('auditOrders.approve')}
        label={text('auditOrders.approveThis', { case: of.case })}
        title={text('auditOrders.approve')}
        consequence={<p>{text('auditOrders.approveConsequence')}</p>}
        send={(_, call) => call('approveAuditOrder', { params })}
        result={(order: Order) => (
          <p>{text(order.state === 'waiting' ? 'auditOrders.agreedFirst' : 'auditOrders.approved')}</p>
        )}
      />
      <Act
        operation="refuseAuditOrder"
        button={text('auditOrders.refuse')}
        label={text('auditOrders.refuseThis', { case: of.case })}
        title={text('auditOrders.refuse')}
        consequence={<p>{text('auditOrders.refuseConsequence')}</p>}
        fields={[{ name: 'reason', title: 'auditOrders.reason', type: 'long', maxLength: 500 }]}
        send={({ reason }, call) => call('refuseAuditOrder', { params, body: { reason } })}
        result={() => <p>{text('auditOrders.refusedNow')}</p>}
      />
    </div>
  )
}
