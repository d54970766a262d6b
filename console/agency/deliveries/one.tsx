/**
 * One message: what it waits for, why it failed, what can be decided, and the receipts that prove what became
 * of it.
 */
import type { ComponentChildren } from 'preact'
import { Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Timeline } from '../../kit/timeline.tsx'
import { exchangePath, NamedId } from '../words.tsx'
import { Discard, Redrive } from './acts.tsx'
import { type Box, boxPath, type Delivery, Failure, Next, StateOf } from './words.tsx'

type Receipt = { index: number; kind: string; direction: string; time: string; outcome: string }
type Whole = Delivery & { receipts: Receipt[] }

const OPEN = ['waiting', 'dead']

type Shown = { params: Record<string, string> }

export function DeliverySent({ params }: Shown) {
  return <OneDelivery box="outbox" position={params['position'] ?? ''} />
}

export function DeliveryReceived({ params }: Shown) {
  return <OneDelivery box="inbox" position={params['position'] ?? ''} />
}

function OneDelivery({ box, position }: { box: Box; position: string }) {
  const found = useAnswer<Whole>('getDelivery', {
    params: { box, position },
  })
  return (
    <Show of={found} page="deliveries.one">
      {(one) => <Found box={box} of={one} />}
    </Show>
  )
}

function Found({ box, of }: { box: Box; of: Whole }) {
  return (
    <>
      <Head
        title={of.type ?? text('deliveries.one')}
        lead={<StateOf of={of} />}
        acts={
          OPEN.includes(of.state) && (
            <>
              {of.state === 'dead' && <Redrive box={box} of={of} />}
              <Discard box={box} of={of} />
            </>
          )
        }
      />
      {of.state === 'dead' && (
        <div class="note part">
          <p>
            <strong>{text('deliveries.deadWhat')}</strong> {text('deliveries.deadChoice')}
          </p>
          <p>
            <Failure of={of} />
          </p>
        </div>
      )}
      <Part title={text('common.facts')} acts={<Link to={boxPath(box)}>{text(`deliveries.${box}`)}</Link>}>
        <Facts
          of={[
            ['deliveries.id', <Copyable key="id" value={of.delivery} label={text('deliveries.id')} />],
            ['deliveries.sender', <NamedId key="sender" of={of.senderId ?? '-'} />],
            ['deliveries.toInbox', <NamedId key="inbox" of={of.inboxId ?? '-'} />],
            ['deliveries.since', <Time key="since" at={of.since} relative />],
            ['deliveries.changed', <Time key="changed" at={of.changedAt} relative />],
            ...(of.next === null
              ? []
              : ([['deliveries.next', <Next key="next" of={of} />]] as [TextKey, ComponentChildren][])),
            ['deliveries.attempts', number(of.attempts)],
            // Of a dead letter it stands above.
            ...(of.state === 'dead'
              ? []
              : ([['deliveries.failure', <Failure key="failure" of={of} />]] as [
                  TextKey,
                  ComponentChildren,
                ][])),
            [
              'deliveries.expires',
              of.expiresAt === null ? (
                text('deliveries.never')
              ) : (
                <Time key="expires" at={of.expiresAt} relative />
              ),
            ],
          ]}
        />
      </Part>
      <Receipts of={of} />
    </>
  )
}

const WORDS: Record<string, TextKey> = {
  accepted: 'deliveries.receipt.accepted',
  request: 'deliveries.receipt.request',
  reply: 'deliveries.receipt.reply',
  consumed: 'deliveries.receipt.consumed',
  abandoned: 'deliveries.receipt.abandoned',
}

/** The records have evidence bundles, which hold all receipts of the message. */
function Receipts({ of: { receipts, delivery } }: { of: Whole }) {
  const mayOpen = useMay('getExchange')
  const maySearch = useMay('findRecords')
  return (
    <Part
      title={text('deliveries.receipts')}
      acts={
        maySearch && (
          <Link to={`/records?queryId=${encodeURIComponent(delivery)}`}>{text('deliveries.allRecords')}</Link>
        )
      }
    >
      <p>{text(mayOpen ? 'deliveries.receiptsLead' : 'deliveries.receiptsFor')}</p>
      {receipts.length === 0 ? (
        <p>{text('deliveries.noReceipt')}</p>
      ) : (
        <Timeline
          events={receipts.map(({ index, kind, time }) => {
            const words = WORDS[kind]
            const title = words === undefined ? kind : text(words)
            return {
              ...{ key: index, at: time, who: text('record.link', { index: String(index) }) },
              what: mayOpen ? <Link to={exchangePath(index)}>{title}</Link> : title,
            }
          })}
        />
      )}
    </Part>
  )
}
