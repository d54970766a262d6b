/** Changeovers: which servers still have certificates of a certification service. */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { useConsole } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { save } from '../../kit/save.ts'
import { Status, type Tone } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ClientRowLink, ServerRowLink } from '../links.tsx'
import type { CertificationService } from '../trust-services/certification-service.tsx'

type State = 'remaining' | 'done' | 'unknown'
type Counts = {
  servers: Record<State, number>
  clients: { remaining: number; done: number }
}
type Server = {
  server: string
  state: State
  reportedAt: string | null
  certificates: {
    sha256: string
    usage: string
    member?: string
    notAfter: string
    from: 'register' | 'report'
  }[]
}

const TONES: Record<State, Tone> = { remaining: 'warn', done: 'good', unknown: 'quiet' }
const STATES: State[] = ['remaining', 'done', 'unknown']

export function Campaigns() {
  const services = useAnswer<CertificationService[]>('getCertificationServices')
  return (
    <>
      <Head title={text('campaign.title')} lead={text('campaign.lead')} />
      <Show of={services}>
        {(all) =>
          all.length === 0 ? (
            <Empty>
              <p>{text('trust.noCertification')}</p>
            </Empty>
          ) : (
            <ul class="plain-list ruled">
              {all.map(({ id, name }) => (
                <li key={id}>
                  <Link to={`/fleet/campaigns/${id}`}>
                    <bdi>{name}</bdi>
                  </Link>
                </li>
              ))}
            </ul>
          )
        }
      </Show>
    </>
  )
}

export function OneCampaign({ params }: { params: Record<string, string> }) {
  const id = params['id']!
  const services = useAnswer<CertificationService[]>('getCertificationServices')
  const counts = useAnswer<Counts>('getCampaign', { params: { id } })
  const name =
    services.state === 'there' ? services.data.find((one) => String(one.id) === id)?.name : undefined
  return (
    <>
      <Head title={name ?? text('campaign.one')} lead={text('campaign.oneLead')} acts={<Export id={id} />} />
      <Show of={counts}>
        {({ servers, clients }) => (
          <Part title={text('campaign.progress')}>
            <Facts
              of={[
                ['campaign.serversRemaining', number(servers.remaining)],
                ['campaign.serversDone', number(servers.done)],
                ['campaign.serversUnknown', number(servers.unknown)],
                ['campaign.clientsRemaining', number(clients.remaining)],
                ['campaign.clientsDone', number(clients.done)],
              ]}
            />
          </Part>
        )}
      </Show>
      <Table<Server>
        operation="getCampaignServers"
        params={{ id }}
        caption={text('campaign.servers')}
        search="campaign.search"
        filters={[
          {
            name: 'state',
            title: 'campaign.state',
            options: [
              { value: '', title: text('common.all') },
              ...STATES.map((value) => ({ value, title: text(`campaign.${value}` as TextKey) })),
            ],
          },
        ]}
        rowKey={({ server }) => server}
        columns={[
          { title: 'servers.one', cell: ({ server }) => <ServerRowLink id={server} /> },
          {
            title: 'campaign.state',
            cell: ({ state }) => <Status tone={TONES[state]} word={`campaign.${state}`} />,
          },
          { title: 'campaign.certificates', cell: ({ certificates }) => <Certificates of={certificates} /> },
          {
            title: 'fleet.reportedAt',
            cell: ({ reportedAt }) => (reportedAt === null ? text('fleet.never') : <Time at={reportedAt} />),
          },
        ]}
        empty={<p>{text('servers.empty')}</p>}
      />
    </>
  )
}

function Certificates({ of }: { of: Server['certificates'] }) {
  if (of.length === 0) return <>{text('common.none')}</>
  return (
    <ul class="plain-list">
      {of.map(({ sha256, usage, member, notAfter }) => (
        <li key={sha256}>
          {text(`fleet.usage.${usage}` as TextKey)} {member !== undefined && <ClientRowLink id={member} />}{' '}
          <span class="beside">
            {text('fleet.notAfter')} <Time at={notAfter} />
          </span>{' '}
          <Copyable value={sha256} label={text('certificate.sha256')} />
        </li>
      ))}
    </ul>
  )
}

function Export({ id }: { id: string }) {
  const { api } = useConsole()
  return (
    <Act<File>
      operation="exportCampaign"
      button={text('campaign.export')}
      reads
      title={text('campaign.export')}
      consequence={<p>{text('campaign.exportConsequence')}</p>}
      send={async () => {
        const answer = await api.download('exportCampaign', { params: { id } })
        save(answer.data)
        return answer
      }}
      result={({ name }) => <p>{text('campaign.exported', { name })}</p>}
    />
  )
}
