/**
 * The keys under which one-way messages and other entries wait: which one seals, what still needs the others,
 * and giving up one that is lost.
 */
import { Act } from '../../kit/act.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Head } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

const MAX_REASON = 500
/** So far entries are counted (MOST_COUNTED of the server). */
const MOST_COUNTED = 100_000

type Key = {
  id: string
  /** Null where an earlier version made it. */
  since: string | null
  isCurrent: boolean
  isHere: boolean
  /** Entries of any kind that need it. */
  messages: number
}
type Rotated = { id: string; removed: number }

export function DeliveryKeysPage() {
  const found = useAnswer<Key[]>('getDeliveryKeys')
  return (
    <>
      <Head title={text('deliveryKeys.title')} lead={text('deliveryKeys.lead')} acts={<Rotate />} />
      <Show of={found}>
        {(all) => (
          <HeldTable<Key>
            caption={text('deliveryKeys.title')}
            rows={all.toReversed()}
            rowKey={({ id }) => id}
            search="deliveryKeys.search"
            words={({ id }) => id}
            columns={[
              {
                title: 'deliveryKeys.key',
                cell: ({ id }) => <Copyable value={id} label={text('deliveryKeys.key')} />,
              },
              { title: 'common.state', cell: (key) => <State of={key} /> },
              {
                title: 'deliveryKeys.since',
                cell: ({ since }) =>
                  since === null ? text('deliveryKeys.notNoted') : <Time at={since} relative />,
              },
              { title: 'deliveryKeys.messages', number: true, cell: ({ messages }) => counted(messages) },
              {
                title: 'common.acts',
                acts: ['rotateDeliveryKey'],
                cell: (key) => !key.isHere && <GiveUp of={key} />,
              },
            ]}
            empty={<p>{text('deliveryKeys.none')}</p>}
          />
        )}
      </Show>
    </>
  )
}

function State({ of: { isCurrent, isHere, messages } }: { of: Key }) {
  if (!isHere) return <Status tone="bad" word="deliveryKeys.missing" />
  if (isCurrent) return <Status tone="good" word="deliveryKeys.seals" />
  return <Status tone="quiet" word={messages === 0 ? 'deliveryKeys.mayGo' : 'deliveryKeys.opens'} />
}

function counted(entries: number): string {
  return entries < MOST_COUNTED ? number(entries) : text('deliveryKeys.atLeast', { most: MOST_COUNTED })
}

function Rotate() {
  return (
    <Act<Rotated>
      operation="rotateDeliveryKey"
      button={text('deliveryKeys.rotate')}
      look="primary"
      title={text('deliveryKeys.rotate')}
      consequence={<p>{text('deliveryKeys.rotateConsequence')}</p>}
      send={(_, call) => call('rotateDeliveryKey', { body: {} })}
      result={({ id }) => <p>{text('deliveryKeys.rotated', { id })}</p>}
    />
  )
}

function GiveUp({ of: { id, messages } }: { of: Key }) {
  return (
    <div class="acts">
      <Act<Rotated>
        operation="rotateDeliveryKey"
        button={text('deliveryKeys.giveUp')}
        label={text('deliveryKeys.giveUpThis', { id })}
        title={text('deliveryKeys.giveUpThis', { id })}
        consequence={
          <>
            <p>
              {messages < MOST_COUNTED
                ? text('deliveryKeys.giveUpConsequence', { count: messages })
                : text('deliveryKeys.giveUpAtLeast', { most: MOST_COUNTED })}
            </p>
            <p>{text('deliveryKeys.giveUpMore')}</p>
            <p>{text('deliveryKeys.giveUpOnly')}</p>
          </>
        }
        nameToType={id}
        fields={[
          {
            ...{ name: 'reason', title: 'deliveries.reason', hint: 'deliveries.reasonHint' },
            ...{ type: 'long', maxLength: MAX_REASON },
          },
        ]}
        send={({ reason }, call) =>
          call('rotateDeliveryKey', { body: { lost: { ids: [id], reason: String(reason).trim() } } })
        }
        result={({ removed }) => <p>{text('deliveryKeys.gaveUp', { count: removed })}</p>}
      />
    </div>
  )
}
