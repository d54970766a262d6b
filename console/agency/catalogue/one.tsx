/**
 * One service of the catalogue: what it is, what is known here of access to it, and how to ask for access or
 * try it.
 */
import { Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { contractPath, type State, stateName } from '../../kit/contract.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Markdown } from '../../kit/markdown.tsx'
import { useNamesOf } from '../../kit/names.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { serviceName } from '../try-outs/shapes.ts'
import { accessText, type Listed, StandingWord } from './service.tsx'

type Endpoint = { method: string; path: string; isForContracts: boolean }
type Contract = { contract: string; title: string; state: State; consumers: string[] }
type Whole = Listed & {
  description: string
  endpoints: Endpoint[]
  endpointCount: number
  access: Parameters<typeof accessText>[0]
  changedAt: string
  contractsKnown: boolean
  contractsRequired: boolean
  contracts: Contract[]
}

export function CatalogueService({ params }: { params: Record<string, string> }) {
  const id = params['id']!
  const loaded = useAnswer<Whole>('getCatalogueService', { params: { id } })
  return (
    <Show of={loaded} page="catalogue.one">
      {(service) => (
        <>
          <Head
            title={service.title === '' ? serviceName(service) : service.title}
            lead={<Copyable value={service.id} />}
            acts={<Link to="/catalogue">{text('catalogue.title')}</Link>}
          />
          <Part title={text('catalogue.standing')}>
            <YourAccess to={service} />
          </Part>
          <Part title={text('common.facts')}>
            <About of={service} />
          </Part>
          <Part title={text('catalogue.description')}>
            {service.description === '' ? (
              <p>{text('catalogue.noDescription')}</p>
            ) : (
              <Markdown text={service.description} />
            )}
          </Part>
          <Part title={text('catalogue.endpoints')}>
            <Endpoints of={service} />
          </Part>
        </>
      )}
    </Show>
  )
}

/** More or longer ones are written in the form: addresses have an end. */
const MOST_IN_ADDRESS = 20
const LONGEST_ADDRESS = 4000
/** Of a service that names no endpoints, as every SOAP service, a contract names the whole. */
const WHOLE = '* **'

/** What the form of a contract begins with. */
function termsFor({ provider, serviceCode, endpoints, endpointCount }: Whole): string {
  const terms = new URLSearchParams({ provider, service: serviceCode })
  const bare = terms.toString()
  const fitting = endpoints.filter((one) => one.isForContracts).map(({ method, path }) => `${method} ${path}`)
  for (const one of endpointCount === 0 ? [WHOLE] : new Set(fitting)) terms.append('endpoint', one)
  const all = terms.toString()
  return endpointCount > MOST_IN_ADDRESS || all.length > LONGEST_ADDRESS ? bare : all
}

function YourAccess({ to: service }: { to: Whole }) {
  const { standing, contracts, provider } = service
  const mayPropose = useMay('proposeContract')
  const mayTry = useMay('tryService')
  // Another subsystem of this server may want what one has already.
  const isAskable = standing !== 'OWN' && mayPropose
  return (
    <>
      <p>
        <StandingWord of={standing} />
      </p>
      {standing === 'UNKNOWN' && <p>{unknownText(service)}</p>}
      {contracts.length > 0 && (
        <ul class="plain-list">
          {contracts.map(({ contract, title, state, consumers }) => (
            <li key={contract}>
              <Link to={contractPath(contract)}>
                <bdi>{title}</bdi>
              </Link>{' '}
              <ContractFor state={stateName(state)} consumers={consumers} />
            </li>
          ))}
        </ul>
      )}
      {isAskable && (
        <p>
          <Link to={`/contracts/propose?${termsFor(service)}`}>{text('tryOuts.askByContract')}</Link>
        </p>
      )}
      {mayTry && (
        <p>
          <Link to={`/try-outs?${new URLSearchParams({ provider })}`}>{text('tryOuts.title')}</Link>{' '}
          {text('catalogue.tryTells')}
        </p>
      )}
    </>
  )
}

function ContractFor({ state, consumers }: { state: string; consumers: string[] }) {
  const nameOf = useNamesOf(consumers)
  const named = consumers
    .map((id) => {
      const { name = id, memberName = '' } = nameOf(id) ?? {}
      return [name, memberName].filter((one) => one !== '').join(', ')
    })
    .join('; ')
  return <bdi>{text('catalogue.contractFor', { state, consumers: named })}</bdi>
}

/** What it means that this server knows of no access. */
function unknownText({ contractsKnown, contractsRequired }: Whole): string {
  if (!contractsKnown) return text('catalogue.contractsUnknown')
  return text(contractsRequired ? 'catalogue.contractNeeded' : 'catalogue.rightNeeded')
}

/** Texts of other organisations: shown, never turned into a link. */
function About({ of }: { of: Whole }) {
  return (
    <Facts
      of={[
        [
          'catalogue.provider',
          <span key="provider" class="named">
            <bdi>{[of.providerName, of.memberName].filter((one) => one !== '').join(', ')}</bdi>{' '}
            <bdi class="id beside">{of.provider}</bdi>
          </span>,
        ],
        [
          'catalogue.type',
          <>
            {text(`tryOuts.type.${of.type}`)} {of.version !== '' && <bdi class="beside">{of.version}</bdi>}
          </>,
        ],
        [
          'catalogue.access',
          <bdi key="access" class="wrap">
            {accessText(of.access)}
          </bdi>,
        ],
        ['catalogue.lastSeen', <Time key="last" at={of.lastSeen} relative />],
        ['catalogue.changedAt', <Time key="changed" at={of.changedAt} relative />],
      ]}
    />
  )
}

function Endpoints({ of: { endpoints, endpointCount } }: { of: Whole }) {
  return (
    <>
      <HeldTable<Endpoint>
        caption={text('catalogue.endpoints')}
        rows={endpoints}
        rowKey={({ method, path }) => `${method} ${path}`}
        search="common.searchEndpoint"
        words={({ method, path }) => `${method} ${path}`}
        columns={[
          { title: 'catalogue.method', cell: ({ method }) => <bdi class="id">{method}</bdi> },
          { title: 'catalogue.path', cell: ({ path }) => <bdi class="id">{path}</bdi> },
        ]}
        empty={<p>{text('catalogue.noEndpoints')}</p>}
        isPart={endpointCount > endpoints.length}
      />
      {endpointCount > endpoints.length && (
        <p class="note">
          {text('catalogue.firstEndpoints', { shown: endpoints.length, all: endpointCount })}
        </p>
      )}
    </>
  )
}
