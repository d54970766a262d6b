/** Audit orders: which authority ordered what, what each server answered, and which answers are overdue. */
import type { AuditScope } from '#schemas/audit-order.ts'
import { Act } from '../../kit/act.tsx'
import { OrderScope } from '../../kit/audit-scope.tsx'
import { useConsole } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Head } from '../../kit/facts.tsx'
import { Saved } from '../../kit/saved.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type State = 'WAITING' | 'ANSWERED' | 'REFUSED' | 'LATE' | 'OVERDUE'
type Server = { id: string; state: State; hasSeed: boolean; matched: number | null; reason: string | null }
type Order = {
  id: string
  authority: string
  case: string
  scope: AuditScope
  sample: number
  deadline: string
  receivedAt: string
  receivedBy: string
  servers: Server[]
}

const TONES: Record<State, Tone> = {
  ...{ WAITING: 'quiet', ANSWERED: 'good', REFUSED: 'warn', LATE: 'warn', OVERDUE: 'bad' },
}

export function AuditOrders() {
  return (
    <>
      <Head title={text('auditOrders.title')} lead={text('auditOrders.registryLead')} acts={<FileOrder />} />
      <Table<Order>
        operation="getAuditOrders"
        caption={text('auditOrders.title')}
        search="auditOrders.search"
        filters={[
          {
            name: 'state',
            title: 'common.state',
            options: [
              { value: '', title: text('common.all') },
              { value: 'waiting', title: text('auditOrders.someWait') },
              { value: 'overdue', title: text('auditOrders.OVERDUE') },
              { value: 'complete', title: text('auditOrders.complete') },
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
                <Copyable value={one.id} label={text('auditOrders.id')} />
              </>
            ),
          },
          {
            title: 'auditOrders.scope',
            cell: ({ scope, sample }) => (
              <>
                <OrderScope of={scope} />
                <br />
                {text('auditOrders.toDraw', { count: sample })}
              </>
            ),
          },
          {
            title: 'auditOrders.received',
            cell: ({ receivedAt, receivedBy }) => (
              <>
                <Time at={receivedAt} relative />
                <br />
                <bdi class="wrap">{receivedBy}</bdi>
              </>
            ),
          },
          { title: 'auditOrders.deadline', cell: ({ deadline }) => <Time at={deadline} relative /> },
          { title: 'auditOrders.servers', cell: (one) => <Servers of={one} /> },
        ]}
        empty={<p>{text('auditOrders.noneFiled')}</p>}
      />
    </>
  )
}

function FileOrder() {
  return (
    <Act<Order>
      operation="addAuditOrder"
      button={text('auditOrders.file')}
      look="primary"
      title={text('auditOrders.file')}
      consequence={<p>{text('auditOrders.fileConsequence')}</p>}
      fields={[{ name: 'order', title: 'auditOrders.signed', hint: 'auditOrders.signedHint', type: 'file' }]}
      send={({ order }, call) => call('addAuditOrder', { body: order as File })}
      result={({ case: number, servers }) => (
        <p>{text('auditOrders.filed', { case: number, count: servers.length })}</p>
      )}
    />
  )
}

function Servers({ of: { id, servers } }: { of: Order }) {
  return (
    <ul>
      {servers.map((one) => (
        <li key={one.id}>
          <bdi class="id wrap">{one.id}</bdi>{' '}
          <Status tone={TONES[one.state]} word={`auditOrders.${one.state}`} />{' '}
          {isAnswered(one) && one.matched !== null && text('auditOrders.matched', { count: one.matched })}
          {!one.hasSeed && text('auditOrders.noSeed')}
          {one.reason !== null && <bdi class="wrap">{one.reason}</bdi>}
          {isAnswered(one) && (
            <div class="acts">
              <Download order={id} server={one.id} />
            </div>
          )}
        </li>
      ))}
    </ul>
  )
}

function isAnswered({ state }: Server): boolean {
  return state === 'ANSWERED' || state === 'LATE'
}

function Download({ order, server }: { order: string; server: string }) {
  const { api } = useConsole()
  return (
    <Act<File>
      operation="downloadAuditAnswer"
      button={text('auditOrders.download')}
      label={text('auditOrders.downloadOf', { server })}
      title={text('auditOrders.downloadOf', { server })}
      consequence={<p>{text('auditOrders.downloadConsequence')}</p>}
      reads
      send={() => api.download('downloadAuditAnswer', { params: { id: order, serverId: server } })}
      result={(file) => <Saved file={file} />}
    />
  )
}
