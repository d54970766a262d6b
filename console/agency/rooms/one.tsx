/** One event type: how long its events are kept, what they look like, and who subscribes to it. */
import { Link } from '../../kit/address.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { NamedId } from '../words.tsx'
import { Schema } from './schema.tsx'
import { Subscriptions } from './subscriptions.tsx'
import { TypeActs } from './type-acts.tsx'
import { countText, type EventType, TypeState, unended } from './words.tsx'

type Whole = EventType & { schema: object | null }

export function TypePage({ params }: { params: Record<string, string> }) {
  const found = useAnswer<Whole>('getEventType', { params: { id: params['id'] ?? '' } })
  return (
    <Show of={found} page="rooms.type">
      {(one) => <Found of={one} />}
    </Show>
  )
}

function Found({ of }: { of: Whole }) {
  return (
    <>
      <Head title={of.name} lead={<TypeState of={of} />} acts={<TypeActs of={of} />} />
      {of.closed && <p class="note part">{text(unended(of) > 0 ? 'rooms.endFirst' : 'rooms.closedWhat')}</p>}
      <Part title={text('common.facts')}>
        <Facts
          of={[
            [
              'rooms.one',
              <Link key="room" to={`/rooms?roomId=${encodeURIComponent(of.roomId)}`}>
                <NamedId of={of.roomId} />
              </Link>,
            ],
            ['rooms.days', text('rooms.keptDays', { count: of.keepDays })],
            ['rooms.sources', <Sources key="sources" of={of.sources} />],
            ['rooms.events', countText(of.events)],
            ['common.createdAt', <Time key="added" at={of.createdAt} relative />],
          ]}
        />
      </Part>
      <Part title={text('rooms.schema')}>
        <Schema of={of.schema} />
      </Part>
      <Part title={text('rooms.subscriptions')}>
        <Subscriptions typeId={of.id} />
      </Part>
    </>
  )
}

function Sources({ of }: { of: EventType['sources'] }) {
  if (of.length === 0) return text('rooms.anySource')
  return (
    <ul>
      {of.map(({ source, publisherId }) => (
        <li key={source}>
          <bdi>{source}</bdi> <NamedId of={publisherId} />
        </li>
      ))}
    </ul>
  )
}
