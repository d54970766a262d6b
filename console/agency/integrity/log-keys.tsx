/**
 * The keys that contents of records are encrypted from: which one encrypts now, and whether the files of the
 * others are still there.
 */
import { useMay } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ExchangeLink } from '../words.tsx'

type Key = { id: string; record: number; since: string; isHere: boolean; isCurrent: boolean }

export function LogKeys() {
  return useMay('getMessageLogKeys') ? <Keys /> : null
}

function Keys() {
  const found = useAnswer<Key[]>('getMessageLogKeys')
  return (
    <Part title={text('logKeys.title')}>
      <p>{text('logKeys.lead')}</p>
      <Show of={found}>
        {(all) => (
          <HeldTable<Key>
            caption={text('logKeys.title')}
            rows={all}
            rowKey={({ id }) => id}
            columns={[
              { title: 'logKeys.key', cell: ({ id }) => <Copyable value={id} label={text('logKeys.key')} /> },
              { title: 'common.state', cell: (key) => <State of={key} /> },
              { title: 'logKeys.since', cell: ({ since }) => <Time at={since} relative /> },
              { title: 'logKeys.record', cell: ({ record }) => <Announced record={record} /> },
            ]}
            empty={<p>{text('logKeys.none')}</p>}
          />
        )}
      </Show>
    </Part>
  )
}

function State({ of: { isHere, isCurrent } }: { of: Key }) {
  if (!isHere) return <Status tone="bad" word="logKeys.missing" />
  return isCurrent ? (
    <Status tone="good" word="logKeys.encrypts" />
  ) : (
    <Status tone="quiet" word="logKeys.opens" />
  )
}

/** Only who may open an exchange is led to the record. */
function Announced({ record }: { record: number }) {
  if (useMay('getExchange')) return <ExchangeLink index={record} />
  return <span>{text('record.link', { index: String(record) })}</span>
}
