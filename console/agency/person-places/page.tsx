/**
 * Where the messages of services name persons: by it the log is searched by person, and people are told who
 * used their data.
 */
import { Act } from '../../kit/act.tsx'
import { useMay } from '../../kit/context.ts'
import { Head } from '../../kit/facts.tsx'
import type { Field, Values } from '../../kit/field.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { WhenBy } from '../cells.tsx'
import { useWholeServices } from '../pick.ts'
import { ExchangeLink, FoldedId } from '../words.tsx'

const INS = ['path', 'query', 'header', 'body', 'reply', 'none'] as const
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE']
const ANY_METHOD = '*'
const ANY_PATH = '**'
/** INSTANCE:CLASS:CODE:SUBSYSTEM:SERVICE, and a version of a SOAP service. */
const SERVICE_PARTS = [5, 6]

type Place = {
  id: number
  serviceId: string
  method: string
  path: string
  in: (typeof INS)[number]
  name: string
  type: string
  declaredBy: string
  declaredAt: string
  /** Whether the index has been made with it. */
  hasBegun: boolean
  /** The first record that was indexed with it; null where an earlier version did not note it. */
  countsFrom: number | null
}

export function PersonPlaces() {
  const places = useAnswer<Place[]>('getSubjectPlaces')
  return (
    <>
      <Head title={text('places.title')} lead={text('places.lead')} acts={<Declare />} />
      <Show of={places}>
        {(all) => (
          <HeldTable<Place>
            caption={text('places.title')}
            rows={all}
            rowKey={({ id }) => id}
            search="places.search"
            words={({ serviceId, name, path, type }) => `${serviceId} ${name} ${path} ${type}`}
            filters={[
              {
                name: 'in',
                title: 'places.in',
                options: [
                  { value: '', title: text('common.all') },
                  ...INS.map((value) => ({ value, title: text(`places.in.${value}`) })),
                ],
                fits: (place, value) => place.in === value,
              },
            ]}
            columns={[
              { title: 'search.service', cell: ({ serviceId }) => <FoldedId of={serviceId} /> },
              { title: 'places.calls', cell: (place) => <Calls of={place} /> },
              { title: 'places.in', cell: (place) => <Where of={place} /> },
              { title: 'places.declared', cell: (of) => <WhenBy at={of.declaredAt} by={of.declaredBy} /> },
              { title: 'places.countsFrom', cell: (place) => <Since of={place} /> },
              {
                title: 'common.acts',
                acts: ['deleteSubjectPlace'],
                cell: (place) => <TakeBack of={place} />,
              },
            ]}
            empty={<p>{text('places.empty')}</p>}
          />
        )}
      </Show>
    </>
  )
}

function Calls({ of: { method, path } }: { of: Place }) {
  if (method === ANY_METHOD && path === ANY_PATH) return <>{text('places.allCalls')}</>
  // One text, or it could not break where it may.
  return <bdi class="id">{method === ANY_METHOD ? path : `${method} ${path}`}</bdi>
}

function Where({ of }: { of: Place }) {
  if (of.in === 'none') return <>{text('places.in.none')}</>
  return (
    <>
      {text(`places.in.${of.in}`)} <bdi class="id">{of.name}</bdi>
      <br />
      <bdi class="beside">{of.type}</bdi>
    </>
  )
}

/** Only who may open an exchange is led to it. */
function Since({ of: { hasBegun, countsFrom } }: { of: Place }) {
  const mayOpen = useMay('getExchange')
  if (mayOpen && hasBegun && countsFrom !== null && countsFrom > 0) return <ExchangeLink index={countsFrom} />
  return <span>{sinceText({ hasBegun, countsFrom })}</span>
}

function sinceText({ hasBegun, countsFrom }: Pick<Place, 'hasBegun' | 'countsFrom'>): string {
  if (!hasBegun) return text('places.notYet')
  if (countsFrom === null) return text('places.notNoted')
  return countsFrom === 0 ? text('places.fromFirst') : text('record.link', { index: String(countsFrom) })
}

function Declare() {
  const services = useWholeServices()
  const fields: Field[] = [
    {
      ...{ name: 'serviceId', title: 'search.service', hint: 'places.serviceHint', type: 'pick' },
      ...{ find: services, maxLength: 1100 },
      check: (value) =>
        SERVICE_PARTS.includes(value.trim().split(':').length) ? undefined : text('places.wholeService'),
    },
    {
      ...{ name: 'method', title: 'explain.method', type: 'select', initial: ANY_METHOD },
      options: [
        { value: ANY_METHOD, title: text('places.anyMethod') },
        ...METHODS.map((value) => ({ value, title: value })),
      ],
    },
    {
      ...{
        name: 'path',
        title: 'explain.path',
        hint: 'places.pathHint',
        hinted: { example: '/persons/{code}' },
      },
      ...{ initial: ANY_PATH, maxLength: 1024 },
    },
    {
      ...{ name: 'in', title: 'places.in', type: 'select', initial: 'path' },
      options: INS.map((value) => ({ value, title: text(`places.in.${value}`) })),
    },
    {
      ...{ name: 'name', title: 'places.name', hint: 'places.nameHint' },
      ...{ required: false, maxLength: 2000 },
    },
    {
      ...{ name: 'type', title: 'places.type', hint: 'places.typeHint' },
      ...{ initial: 'personal-code', maxLength: 64 },
    },
  ]
  return (
    <Act<Place>
      operation="addSubjectPlace"
      button={text('places.add')}
      look="primary"
      title={text('places.add')}
      consequence={<p>{text('places.addConsequence')}</p>}
      fields={fields}
      send={(values, call) => call('addSubjectPlace', { body: placeIn(values) })}
      result={(_, values) => <p>{text(values['in'] === 'none' ? 'places.addedNone' : 'places.added')}</p>}
    />
  )
}

function placeIn(values: Values): object {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value).trim()]))
}

function TakeBack({ of: { id, serviceId, in: where } }: { of: Place }) {
  const title = text('places.takeThisBack', { service: serviceId })
  return (
    <Act<unknown>
      operation="deleteSubjectPlace"
      button={text('places.takeBack')}
      label={title}
      title={title}
      consequence={
        <p>{text(where === 'none' ? 'places.takeBackNoneConsequence' : 'places.takeBackConsequence')}</p>
      }
      send={(_, call) => call('deleteSubjectPlace', { params: { id: String(id) } })}
      result={() => <p>{text('places.takenBack')}</p>}
    />
  )
}
