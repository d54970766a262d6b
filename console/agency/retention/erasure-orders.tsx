/** Ordered erasures, with case and reason: they destroy the content of a whole exchange for ever. */
import { Act } from '../../kit/act.tsx'
import { useMay } from '../../kit/context.ts'
import { Part } from '../../kit/facts.tsx'
import { Status } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { CaseAndReason, WhenBy } from '../cells.tsx'
import { WHY, whyOf } from '../why.ts'
import { ExchangeLink } from '../words.tsx'
import { AT_END, type EndMode } from './words.ts'

type Order = {
  id: number
  orderedAt: string
  orderedBy: string
  index: number
  case: string
  reason: string
  reference: string | null
  mode: EndMode
  /** When this order erased it. */
  erasedAt: string | null
  /** When the content was erased, by this order or otherwise. */
  goneAt: string | null
}

export function ErasureOrders() {
  const mayRead = useMay('findErasureOrders')
  const mayOpen = useMay('getExchange')
  if (!mayRead) return null
  return (
    <Part title={text('erasure.title')} acts={<Erase />}>
      <Table<Order>
        operation="findErasureOrders"
        caption={text('erasure.title')}
        search="erasure.search"
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'erasure.orderedAt',
            cell: ({ orderedAt, orderedBy }) => <WhenBy at={orderedAt} by={orderedBy} />,
          },
          {
            title: 'search.record',
            cell: ({ index }) =>
              mayOpen ? <ExchangeLink index={index} /> : text('record.link', { index: String(index) }),
          },
          {
            title: 'looks.why',
            cell: (one) => <CaseAndReason {...one} />,
          },
          { title: 'retention.atEnd', cell: ({ mode }) => text(AT_END[mode]) },
          {
            title: 'erasure.state',
            cell: ({ erasedAt, goneAt }) => (
              <>
                {erasedAt === null ? (
                  <Status
                    tone="warn"
                    word={goneAt === null ? 'erasure.notErased' : 'erasure.goneOtherwise'}
                  />
                ) : (
                  <Status tone="quiet" word="erasure.erased" />
                )}
                {goneAt !== null && (
                  <>
                    <br />
                    <Time at={erasedAt ?? goneAt} />
                  </>
                )}
              </>
            ),
          },
        ]}
        empty={<p>{text('erasure.empty')}</p>}
      />
    </Part>
  )
}

function Erase() {
  return (
    <Act<{ erased: unknown[]; leftToDelete: boolean }>
      operation="eraseRecord"
      button={text('erasure.order')}
      title={text('erasure.order')}
      consequence={<p>{text('erasure.consequence')}</p>}
      nameToType={text('erasure.word')}
      fields={[
        {
          name: 'index',
          title: 'search.record',
          hint: 'erasure.recordHint',
          check: (value) =>
            /^(0|[1-9]\d{0,14})$/.test(value.trim()) ? undefined : text('erasure.recordWrong'),
        },
        ...WHY,
        { name: 'reference', title: 'erasure.reference', required: false, maxLength: 200 },
        {
          name: 'mode',
          title: 'retention.atEnd',
          type: 'select',
          initial: 'LEAF_ONLY',
          options: Object.entries(AT_END).map(([value, title]) => ({ value, title: text(title) })),
        },
      ]}
      send={(values, call) =>
        call('eraseRecord', {
          params: { index: String(values['index']).trim() },
          body: {
            ...whyOf(values),
            mode: String(values['mode']),
            ...(String(values['reference']).trim() === ''
              ? {}
              : { reference: String(values['reference']).trim() }),
          },
        })
      }
      result={({ erased, leftToDelete }) => (
        <>
          <p>{text('erasure.done', { count: erased.length })}</p>
          {leftToDelete && <p>{text('erasure.leftToDelete')}</p>}
        </>
      )}
    />
  )
}
