/**
 * The scope of a legal hold, and the form that sets one: a record is covered when all given parts of the
 * scope match.
 */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { ApiFault } from '../../kit/api.ts'
import { useConsole } from '../../kit/context.ts'
import type { Field, Find, Values } from '../../kit/field.tsx'
import { utc } from '../../kit/moment.ts'
import { text } from '../../kit/text.ts'
import { AskedFor } from '../asked-for.tsx'
import { useClients, useServers, useWholeServices } from '../pick.ts'
import { WHY, whyOf } from '../why.ts'
import { exchangePath } from '../words.tsx'

export type Scope = {
  indexes?: number[]
  queryId?: string
  from?: string
  to?: string
  partyId?: string
  serviceId?: string
  peer?: string
}

const fieldsOf = (clients: Find, services: Find, servers: Find): Field[] => [
  ...WHY,
  {
    name: 'indexes',
    title: 'holds.records',
    hint: 'holds.recordsHint',
    required: false,
    check: (value) => (numbersOf(value) === undefined ? text('holds.recordsWrong') : undefined),
  },
  { name: 'queryId', title: 'search.queryId', required: false, maxLength: 255 },
  {
    ...{ name: 'partyId', title: 'search.party', hint: 'call.pickHint', required: false },
    ...{ type: 'pick', find: clients, maxLength: 1400 },
  },
  {
    ...{ name: 'serviceId', title: 'search.service', hint: 'places.serviceHint', required: false },
    ...{ type: 'pick', find: services, maxLength: 1400 },
  },
  {
    ...{ name: 'peer', title: 'search.peer', hint: 'call.pickHint', required: false },
    ...{ type: 'pick', find: servers, maxLength: 1400 },
  },
  { name: 'from', title: 'search.from', type: 'time', required: false },
  { name: 'to', title: 'search.to', type: 'time', required: false },
]
const NAMES: (keyof Scope)[] = ['queryId', 'partyId', 'serviceId', 'peer']
const SHOWN = 10

export function PlaceHold() {
  const { api } = useConsole()
  const [clients, services, servers] = [useClients(), useWholeServices(), useServers()]
  return (
    <Act<{ id: number; tooLate: number[] }>
      operation="setLegalHold"
      button={text('holds.place')}
      look="primary"
      title={text('holds.place')}
      consequence={<p>{text('holds.placeConsequence')}</p>}
      fields={fieldsOf(clients, services, servers)}
      send={async (values) => {
        const scope = scopeOf(values)
        if (Object.keys(scope).length === 0) throw new ApiFault(400, { message: text('holds.scopeNeeded') })
        return api.call('setLegalHold', { body: { ...whyOf(values), scope } })
      }}
      result={({ id, tooLate }) => (
        <>
          <p>{text('holds.placed', { id: String(id) })}</p>
          {tooLate.length > 0 && (
            <p class="note">{text('holds.tooLate', { records: tooLate.slice(0, SHOWN).join(', ') })}</p>
          )}
        </>
      )}
    />
  )
}

function scopeOf(values: Values): Scope {
  const given = (name: string): string => String(values[name] ?? '').trim()
  const scope: Record<string, unknown> = {}
  if (given('indexes') !== '') scope['indexes'] = numbersOf(given('indexes'))
  for (const name of NAMES) if (given(name) !== '') scope[name] = given(name)
  for (const name of ['from', 'to']) if (utc(given(name)) !== '') scope[name] = utc(given(name))
  return scope as Scope
}

/** Reads numbers such as "3, 5, 8"; undefined when a part is no number. */
function numbersOf(value: string): number[] | undefined {
  const parts = value.split(/[\s,]+/).filter((part) => part !== '')
  return parts.every((part) => /^(0|[1-9]\d{0,14})$/.test(part)) ? [...new Set(parts.map(Number))] : undefined
}

export function ScopeView({ of }: { of: Scope }) {
  const { indexes, ...narrowed } = of
  return (
    <AskedFor of={narrowed}>
      {indexes !== undefined && (
        <li>
          <span class="beside">{text('holds.records')}</span>{' '}
          {indexes.slice(0, SHOWN).map((index, at) => (
            <>
              {at > 0 && ', '}
              <Link key={index} to={exchangePath(index)}>
                {String(index)}
              </Link>
            </>
          ))}
          {indexes.length > SHOWN && ` … (${indexes.length})`}
        </li>
      )}
    </AskedFor>
  )
}
