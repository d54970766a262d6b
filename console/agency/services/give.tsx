/** Giving a right: subsystems and groups that exist are searched and picked, nobody types an identifier. */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { Head } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import type { Column } from '../../kit/rows.tsx'
import { Status } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { TRACKER_URL } from './kept-here.tsx'
import { type Right, type Service, SUBJECT_TYPES, type Subject, serviceName, servicePath } from './shapes.ts'
import { SubjectOf } from './words.tsx'

const WHOLE = 'whole'

export function GivePage({ params }: { params: Record<string, string> }) {
  const found = useAnswer<Service>('getService', { params: { id: params['id'] ?? '' } })
  return (
    <Show of={found} page="rights.give">
      {(service) => (
        <>
          <Head
            title={text('rights.giveFor', { name: serviceName(service) })}
            lead={text('rights.giveLead')}
            acts={
              <Link to={servicePath(service.id)}>
                {text('rights.backTo', { name: serviceName(service) })}
              </Link>
            }
          />
          <Candidates client={clientOf(service)} columns={columnsFor(service)} />
        </>
      )}
    </Show>
  )
}

function columnsFor(service: Service): Column<Subject>[] {
  return [
    {
      title: 'common.state',
      cell: (one) =>
        rightsHere(service, one).length > 0 ? (
          <Status tone="good" word="rights.hasSome" />
        ) : (
          text('rights.hasNone')
        ),
    },
    { title: 'common.acts', acts: ['addAccessRight'], cell: (one) => <Give service={service} to={one} /> },
  ]
}

function clientOf({ fullServiceId }: Service): string {
  return fullServiceId.split(':').slice(0, 4).join(':')
}

/** The rights to a service that this subsystem or group has as such. */
export function rightsHere(
  { accessRights }: Service,
  { subjectType, subjectId }: Omit<Subject, 'name'>,
): Right[] {
  return accessRights.filter((one) => one.subjectType === subjectType && one.subjectId === subjectId)
}

/** To whom rights to the services of a client can be given, with what is there about each. */
export function Candidates({ client, columns }: { client: string; columns: Column<Subject>[] }) {
  return (
    <Table<Subject>
      operation="findServiceClientCandidates"
      params={{ clientId: client }}
      caption={text('rights.candidates')}
      search="rights.search"
      filters={[
        {
          ...{ name: 'subjectType', title: 'rights.type' },
          options: [
            { value: '', title: text('common.all') },
            ...SUBJECT_TYPES.map((value) => ({ value, title: text(`rights.subject.${value}`) })),
          ],
        },
      ]}
      rowKey={({ subjectType, subjectId }) => `${subjectType} ${subjectId}`}
      columns={[{ title: 'rights.who', cell: (one) => <SubjectOf of={one} /> }, ...columns]}
      empty={<p>{text('rights.noCandidate')}</p>}
    />
  )
}

/** Whether a right to it may take a second person, whatever the policy says of others. */
export const mayTakeTwo = ({ url }: Pick<Service, 'url'>): boolean => url === TRACKER_URL

type GiveProps = {
  service: Service
  to: Omit<Subject, 'name'>
  /** The name of the button, where a page has one for each of several services. */
  label?: string
}

export function Give({ service, to, label }: GiveProps) {
  const { subjectType, subjectId } = to
  const endpoints = service.endpoints.filter(({ base }) => !base)
  return (
    <Act<Right>
      operation="addAccessRight"
      mayTakeTwo={mayTakeTwo(service)}
      button={text('rights.giveTo')}
      label={label ?? text('rights.giveToThis', { subject: subjectId })}
      title={text('rights.giveToThis', { subject: subjectId })}
      consequence={
        <p>{text('rights.giveConsequence', { subject: subjectId, service: service.fullServiceId })}</p>
      }
      fields={[
        {
          ...{ name: 'endpoint', title: 'rights.what', type: 'select', initial: WHOLE },
          options: [
            { value: WHOLE, title: text('rights.wholeService') },
            ...endpoints.map(({ id, method, path }) => ({ value: String(id), title: `${method} ${path}` })),
          ],
        },
      ]}
      send={({ endpoint }, call) =>
        call('addAccessRight', {
          params: { id: String(service.id) },
          body: { subjectType, subjectId, ...(endpoint !== WHOLE && { endpointId: Number(endpoint) }) },
        })
      }
      result={() => <p>{text('rights.given')}</p>}
    />
  )
}
