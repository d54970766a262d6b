/**
 * What an operator does with event types: add one to a room, change its days, close and open it, delete it.
 */
import { Act } from '../../kit/act.tsx'
import { goTo } from '../../kit/address.tsx'
import { ApiFault } from '../../kit/api.ts'
import type { Field, Values } from '../../kit/field.tsx'
import { text } from '../../kit/text.ts'
import { countText, type EventType, type Room, typePath, unended } from './words.tsx'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const MAX_NAME = 128
const DAYS = { least: 1, most: 3650, usual: 30 }

function daysField(initial: number): Field {
  return {
    ...{ name: 'keepDays', title: 'rooms.days', hint: 'rooms.daysHint', initial: String(initial) },
    check: (value) => {
      const days = /^[0-9]{1,4}$/.test(value.trim()) ? Number(value) : 0
      return days >= DAYS.least && days <= DAYS.most ? undefined : text('services.numberBetween', DAYS)
    },
  }
}

export function AddType({ rooms, chosen }: { rooms: Room[]; chosen: string }) {
  const only = rooms.length === 1 ? rooms[0]!.roomId : ''
  return (
    <Act<EventType>
      operation="addEventType"
      button={text('rooms.add')}
      title={text('rooms.add')}
      look="primary"
      consequence={
        <>
          <p>{text('rooms.addConsequence')}</p>
          <p>{text('rooms.addRights')}</p>
        </>
      }
      fields={[
        {
          ...{ name: 'roomId', title: 'rooms.one', type: 'select' },
          initial: rooms.some(({ roomId }) => roomId === chosen) ? chosen : only,
          options: rooms.map(({ roomId }) => ({ value: roomId, title: roomId })),
        },
        {
          ...{ name: 'name', title: 'rooms.type', hint: 'rooms.typeHint', maxLength: MAX_NAME },
          check: (value) => (NAME.test(value.trim()) ? undefined : text('rooms.typeWrong')),
        },
        daysField(DAYS.usual),
        { name: 'schema', title: 'rooms.schema', hint: 'rooms.schemaHint', type: 'file', required: false },
      ]}
      send={async (values, call) => call('addEventType', { body: await newType(values) })}
      result={({ name, roomId }) => <p>{text('rooms.added', { name, room: roomId })}</p>}
      then={({ id }) => goTo(typePath(id))}
    />
  )
}

async function newType({ roomId, name, keepDays, schema }: Values): Promise<object> {
  const given = { roomId: String(roomId), name: String(name).trim(), keepDays: Number(keepDays) }
  return schema instanceof File ? { ...given, schema: schemaIn(await schema.text()) } : given
}

function schemaIn(document: string): unknown {
  try {
    return JSON.parse(document)
  } catch {
    throw new ApiFault(400, { message: text('rooms.schemaNoJson') })
  }
}

export function TypeActs({ of }: { of: EventType }) {
  return (
    <>
      <ChangeDays of={of} />
      <ChangeSources of={of} />
      {of.closed ? <Open of={of} /> : <Close of={of} />}
      {of.closed && unended(of) === 0 && <Delete of={of} />}
    </>
  )
}

function ChangeDays({ of: { id, name, keepDays } }: { of: EventType }) {
  return (
    <Act<EventType>
      operation="updateEventType"
      button={text('rooms.changeDays')}
      title={text('rooms.changeDaysThis', { name })}
      consequence={<p>{text('rooms.changeDaysConsequence')}</p>}
      fields={[daysField(keepDays)]}
      send={(values, call) =>
        call('updateEventType', {
          params: { id: String(id) },
          body: { keepDays: Number(values['keepDays']) },
        })
      }
      result={({ keepDays: days }) => <p>{text('rooms.daysChanged', { count: days })}</p>}
    />
  )
}

const SOURCE = /^(\S{1,256})\s+(\S+(?::\S+){2,3})$/

function ChangeSources({ of: { id, name, sources } }: { of: EventType }) {
  return (
    <Act<EventType>
      operation="updateEventType"
      button={text('rooms.changeSources')}
      title={text('rooms.changeSourcesThis', { name })}
      consequence={<p>{text('rooms.changeSourcesConsequence')}</p>}
      fields={[
        {
          ...{ name: 'sources', title: 'rooms.sources', hint: 'rooms.sourcesHint', type: 'long' },
          ...{
            required: false,
            initial: sources.map((one) => `${one.source} ${one.publisherId}`).join('\n'),
          },
          check: (value) =>
            linesIn(value).every((line) => SOURCE.test(line)) ? undefined : text('rooms.sourcesWrong'),
        },
      ]}
      send={(values, call) =>
        call('updateEventType', {
          params: { id: String(id) },
          body: { sources: linesIn(String(values['sources'] ?? '')).map(sourceIn) },
        })
      }
      result={({ sources: now }) => <p>{text('rooms.sourcesChanged', { count: now.length })}</p>}
    />
  )
}

function linesIn(value: string): string[] {
  return value.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]))
}

function sourceIn(line: string): EventType['sources'][number] {
  const [, source = '', publisherId = ''] = SOURCE.exec(line) ?? []
  return { source, publisherId }
}

function Close({ of }: { of: EventType }) {
  const { id, name } = of
  return (
    <Act<EventType>
      operation="updateEventType"
      button={text('rooms.close')}
      title={text('rooms.closeThis', { name })}
      consequence={
        <>
          <p>{text('rooms.closeConsequence')}</p>
          <p>{text('rooms.closeSubscribers', { count: unended(of) })}</p>
        </>
      }
      send={(_, call) => call('updateEventType', { params: { id: String(id) }, body: { closed: true } })}
      result={() => <p>{text('rooms.closedNow')}</p>}
    />
  )
}

function Open({ of: { id, name } }: { of: EventType }) {
  return (
    <Act<EventType>
      operation="updateEventType"
      button={text('rooms.openAgain')}
      title={text('rooms.openThis', { name })}
      consequence={<p>{text('rooms.openConsequence')}</p>}
      send={(_, call) => call('updateEventType', { params: { id: String(id) }, body: { closed: false } })}
      result={() => <p>{text('rooms.openedNow')}</p>}
    />
  )
}

/** Only of a closed type that nobody subscribes to: the server refuses any other. */
function Delete({ of: { id, name, events, subscriptions } }: { of: EventType }) {
  return (
    <Act
      operation="deleteEventType"
      button={text('rooms.delete')}
      title={text('rooms.deleteThis', { name })}
      consequence={
        <>
          <p>{text('rooms.deleteConsequence', { events: countText(events) })}</p>
          {subscriptions.ended > 0 && (
            <p>{text('rooms.deleteEnded', { subscriptions: countText(subscriptions.ended) })}</p>
          )}
        </>
      }
      nameToType={name}
      send={(_, call) => call('deleteEventType', { params: { id: String(id) } })}
      result={() => <p>{text('rooms.deleted')}</p>}
      then={() => goTo('/rooms')}
    />
  )
}
