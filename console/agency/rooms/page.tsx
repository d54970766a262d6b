/** Rooms of events, and their event types. */
import { Link, useAddress } from '../../kit/address.tsx'
import { CursorTable } from '../../kit/cursor-table.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { NameOf, useNameText, useTitles } from '../../kit/named.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { number, text } from '../../kit/text.ts'
import { clientPath } from '../services/shapes.ts'
import { FoldedId } from '../words.tsx'
import { AddType } from './type-acts.tsx'
import {
  CountsOf,
  countText,
  type EventType,
  type Room,
  type TypeList,
  TypeState,
  typePath,
} from './words.tsx'

/** The server counts events and subscriptions for each row. */
const SIZES = [25, 50, 100] as const

export function RoomsPage() {
  const rooms = useAnswer<Room[]>('getRooms')
  const { query } = useAddress()
  const there = rooms.state === 'there' ? rooms.data : []
  return (
    <>
      <Head
        title={text('rooms.title')}
        lead={text('rooms.lead')}
        acts={there.length > 0 && <AddType rooms={there} chosen={query.get('roomId') ?? ''} />}
      />
      <Part title={text('rooms.all')}>
        <Show of={rooms}>{(all) => <Rooms of={all} />}</Show>
      </Part>
      <Part title={text('rooms.types')}>
        <Types rooms={there} />
      </Part>
    </>
  )
}

function Rooms({ of }: { of: Room[] }) {
  const titleOf = useTitles(of.map(({ roomId }) => roomId))
  return (
    <HeldTable<Room>
      caption={text('rooms.all')}
      name="rooms"
      rows={of}
      rowKey={({ roomId }) => roomId}
      search="common.searchClient"
      words={({ roomId }) => titleOf(roomId)}
      columns={[
        {
          title: 'rooms.one',
          cell: ({ roomId }) => (
            <Link to={`/rooms?roomId=${encodeURIComponent(roomId)}`}>
              <NameOf id={roomId} />
            </Link>
          ),
        },
        {
          title: 'common.state',
          cell: ({ disabled }) => (
            <Status tone={disabled ? 'quiet' : 'good'} word={disabled ? 'services.off' : 'services.on'} />
          ),
        },
        { title: 'rooms.types', number: true, cell: ({ eventTypes }) => number(eventTypes) },
        {
          title: 'rights.title',
          cell: ({ roomId }) => <RightsOf owner={roomId.slice(0, roomId.lastIndexOf(':'))} />,
        },
      ]}
      empty={<p>{text('rooms.noRoom')}</p>}
    />
  )
}

function RightsOf({ owner }: { owner: string }) {
  const client = useNameText(owner)
  return <Link to={clientPath(owner)}>{text('rooms.rightsOf', { client })}</Link>
}

function Types({ rooms }: { rooms: Room[] }) {
  const titleOf = useTitles(rooms.map(({ roomId }) => roomId))
  return (
    <CursorTable<EventType, TypeList>
      operation="getEventTypes"
      caption={text('rooms.types')}
      rowsOf={({ items }) => items}
      rowKey={({ id }) => id}
      oldestFirst
      sizes={SIZES}
      filters={[
        {
          ...{ name: 'roomId', title: 'rooms.one' },
          options: [
            { value: '', title: text('common.all') },
            ...rooms.map(({ roomId }) => ({ value: roomId, title: titleOf(roomId) })),
          ],
        },
        { name: 'search', title: 'rooms.searchType', type: 'text' },
      ]}
      columns={[
        {
          title: 'rooms.type',
          cell: ({ id, name, roomId }) => (
            <>
              <Link to={typePath(id)}>
                <bdi class="wrap">{name}</bdi>
              </Link>
              <br />
              <span class="beside">
                <FoldedId of={roomId} />
              </span>
            </>
          ),
        },
        { title: 'common.state', cell: (one) => <TypeState of={one} /> },
        {
          title: 'rooms.days',
          number: true,
          cell: ({ keepDays }) => text('rooms.keptDays', { count: keepDays }),
        },
        { title: 'rooms.events', number: true, cell: ({ events }) => countText(events) },
        { title: 'rooms.subscriptions', cell: ({ subscriptions }) => <CountsOf of={subscriptions} /> },
      ]}
      empty={<p>{text('rooms.noType')}</p>}
    />
  )
}
