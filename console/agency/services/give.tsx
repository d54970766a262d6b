/** Giving a right: subsystems and groups that exist are searched and picked, nobody types an identifier. */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { Head } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { type Right, type Service, type Subject, serviceName, servicePath } from './shapes.ts'
import { SubjectOf } from './words.tsx'

const TYPES = ['SUBSYSTEM', 'GLOBALGROUP', 'LOCALGROUP'] as const
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
          <Candidates of={service} />
        </>
      )}
    </Show>
  )
}

function Candidates({ of }: { of: Service }) {
  const client = of.fullServiceId.split(':').slice(0, 4).join(':')
  const has = ({ subjectType, subjectId }: Subject): boolean =>
    of.accessRights.some((one) => one.subjectType === subjectType && one.subjectId === subjectId)
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
            ...TYPES.map((value) => ({ value, title: text(`rights.subject.${value}`) })),
          ],
        },
      ]}
      rowKey={({ subjectType, subjectId }) => `${subjectType} ${subjectId}`}
      columns={[
        { title: 'rights.who', cell: (one) => <SubjectOf of={one} /> },
        {
          title: 'common.state',
          cell: (one) => (has(one) ? <Status tone="good" word="rights.hasSome" /> : text('rights.hasNone')),
        },
        { title: 'common.acts', acts: ['addAccessRight'], cell: (one) => <Give service={of} to={one} /> },
      ]}
      empty={<p>{text('rights.noCandidate')}</p>}
    />
  )
}

/** The address of services that answer people who used their data. */
const TRACKER_URL = 'tracker:'

export function Give({ service, to }: { service: Service; to: Pick<Subject, 'subjectType' | 'subjectId'> }) {
  const { subjectType, subjectId } = to
  const endpoints = service.endpoints.filter(({ base }) => !base)
  return (
    <Act<Right>
      operation="addAccessRight"
      mayTakeTwo={service.url === TRACKER_URL}
      button={text('rights.giveTo')}
      label={text('rights.giveToThis', { subject: subjectId })}
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
