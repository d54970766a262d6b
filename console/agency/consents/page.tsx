/**
 * By which subsystems people give consents, how many they gave under which contract, and one consent by its
 * number.
 */
import { Act } from '../../kit/act.tsx'
import { useConsole } from '../../kit/context.ts'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { useTitles } from '../../kit/named.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { save } from '../../kit/save.ts'
import { Status } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { AskForContent } from '../content-requests/ask.tsx'
import { CASE } from '../why.ts'
import { FoldedId, Id, NamedId } from '../words.tsx'
import { FindPreview, type PreviewCounts, PreviewsOf } from './previews.tsx'

type Counted = {
  contract: string
  title: string | null
  isDemanded: boolean
  given: number
  inForce: number
  withdrawn: number
  calls: number
}
type Service = { clientId: string; isOn: boolean; contracts: Counted[]; previews: PreviewCounts }
type Mandate = { service: string; question: string; issue?: string }
type Found = {
  number: string
  state: 'ACTIVE' | 'USED_UP' | 'EXPIRED' | 'WITHDRAWN'
  digest: string
  document: {
    client: string
    contract: { id: string }
    givenAt: string
    validUntil: string
    givenRecord: number
    proof: 'login' | 'wallet'
    representative?: { mandate: Mandate }
  }
  uses: number
  withdrawnAt: string | null
  withdrawnRecord: number | null
  /** What a wallet presented, as it was verified. */
  proof: {
    judgedAt: string
    askedBy: string
    boundBy: 'transaction data' | 'nonce'
    credentials: { type: string; issuer: string }[]
    attested?: { name: string; type: string; issuer: string }[]
  } | null
  /** For who may read contents: what `concordat verify` judges. */
  saved?: object
}

export function ConsentsPage() {
  const found = useAnswer<Service[]>('getConsentServices')
  return (
    <>
      <Head title={text('consents.title')} lead={text('consents.lead')} acts={<Finding />} />
      <Show of={found}>
        {(services) => (
          <>
            <Part title={text('trackers.subsystems')}>
              <Subsystems of={services} />
            </Part>
            <Part title={text('consents.contracts')}>
              <Contracts of={services} />
            </Part>
            <PreviewsOf services={services} />
          </>
        )}
      </Show>
    </>
  )
}

function Subsystems({ of }: { of: Service[] }) {
  const titleOf = useTitles(of.map(({ clientId }) => clientId))
  return (
    <HeldTable<Service>
      caption={text('trackers.subsystems')}
      name="subsystems"
      rows={of}
      rowKey={({ clientId }) => clientId}
      search="common.searchClient"
      words={({ clientId }) => titleOf(clientId)}
      columns={[
        { title: 'trackers.subsystem', cell: ({ clientId }) => <NamedId of={clientId} /> },
        {
          title: 'common.state',
          cell: ({ isOn }) => (
            <Status tone={isOn ? 'good' : 'quiet'} word={isOn ? 'services.on' : 'services.off'} />
          ),
        },
        {
          title: 'common.acts',
          acts: ['switchConsentsOn', 'switchConsentsOff'],
          cell: (one) => <Switch of={one} />,
        },
      ]}
      empty={<p>{text('trackers.noSubsystem')}</p>}
    />
  )
}

function Contracts({ of }: { of: Service[] }) {
  const rows = of.flatMap(({ clientId, contracts }) => contracts.map((one) => ({ ...one, clientId })))
  const titleOf = useTitles(rows.flatMap(({ contract, clientId }) => [contract, clientId]))
  return (
    <HeldTable<(typeof rows)[number]>
      caption={text('consents.contracts')}
      name="contracts"
      rows={rows}
      rowKey={({ contract }) => contract}
      search="contracts.searchHere"
      words={({ contract, clientId }) => `${titleOf(contract)} ${titleOf(clientId)}`}
      columns={[
        {
          title: 'trackers.contract',
          cell: ({ title, contract }) => (
            <>
              <FoldedId of={contract} />
              {title === null && <p class="beside">{text('consents.notDemanded')}</p>}
            </>
          ),
        },
        { title: 'trackers.subsystem', cell: ({ clientId }) => <FoldedId of={clientId} /> },
        { title: 'consents.inForce', number: true, cell: (one) => number(one.inForce) },
        { title: 'consents.given', number: true, cell: ({ given }) => number(given) },
        { title: 'consents.withdrawn', number: true, cell: ({ withdrawn }) => number(withdrawn) },
        { title: 'consents.calls', number: true, cell: ({ calls }) => number(calls) },
      ]}
      empty={<p>{text('consents.noContract')}</p>}
    />
  )
}

function Switch({ of: { clientId, isOn } }: { of: Service }) {
  const params = { clientId }
  return (
    <div class="acts">
      {isOn ? (
        <Act<unknown>
          operation="switchConsentsOff"
          button={text('trackers.switchOff')}
          label={text('consents.switchThisOff', { client: clientId })}
          title={text('consents.switchThisOff', { client: clientId })}
          consequence={<p>{text('consents.offConsequence')}</p>}
          nameToType={clientId}
          send={(_, call) => call('switchConsentsOff', { params })}
          result={() => <p>{text('trackers.isOff')}</p>}
        />
      ) : (
        <Act<Service>
          operation="switchConsentsOn"
          button={text('trackers.switchOn')}
          label={text('consents.switchThisOn', { client: clientId })}
          title={text('consents.switchThisOn', { client: clientId })}
          consequence={<p>{text('consents.onConsequence')}</p>}
          send={(_, call) => call('switchConsentsOn', { params })}
          result={() => <p>{text('consents.isOn')}</p>}
        />
      )}
    </div>
  )
}

function Finding() {
  return (
    <>
      <ByNumber />
      <FindPreview />
    </>
  )
}

/** As a log record names it. */
function ByNumber() {
  const { session } = useConsole()
  const takesTwo = session.contentFourEyes === true
  return (
    <Act<Found>
      operation="getConsentByNumber"
      button={text('consents.find')}
      title={text('consents.find')}
      consequence={<p>{text('consents.findConsequence')}</p>}
      fields={[
        { name: 'number', title: 'consents.number', maxLength: 36 },
        ...(takesTwo ? [{ ...CASE, required: false }] : []),
      ]}
      send={({ number: of, case: given = '' }, call) => {
        const query = String(given).trim() === '' ? {} : { case: String(given).trim() }
        return call('getConsentByNumber', { params: { id: String(of).trim() }, query })
      }}
      result={(one) => <One of={one} />}
    />
  )
}

function One({ of }: { of: Found }) {
  const { number: id, state, digest, document, uses, withdrawnAt, withdrawnRecord, proof, saved } = of
  const facts = (
    <Facts
      of={[
        ['consents.number', <Id key="number" of={id} />],
        ['common.state', text(`consents.state.${state}` as TextKey)],
        ['consents.client', <Id key="client" of={document.client} />],
        ['trackers.contract', <Id key="contract" of={document.contract.id} />],
        ['consents.givenAt', <Time key="given" at={document.givenAt} />],
        ['consents.validUntil', <Time key="until" at={document.validUntil} />],
        ['consents.givenRecord', number(document.givenRecord)],
        ...(withdrawnAt === null
          ? []
          : [['consents.withdrawnAt', <Time key="withdrawn" at={withdrawnAt} />] as const]),
        ...(withdrawnRecord === null ? [] : [['consents.withdrawnRecord', number(withdrawnRecord)] as const]),
        ['consents.calls', number(uses)],
        ['consents.proof', text(`consents.proof.${document.proof}`)],
        ...mandateOf(document.representative?.mandate),
        ...(proof === null ? [] : factsOf(proof)),
        ['extra.consentDigest', <Id key="digest" of={digest} />],
      ].map(([name, value]) => [name, value] as [TextKey, typeof value])}
    />
  )
  if (saved === undefined)
    return proof === null ? (
      facts
    ) : (
      <>
        {facts}
        <AskForContent of={{ index: document.givenRecord }} />
      </>
    )
  const file = (): File =>
    new File([JSON.stringify(saved, undefined, 1)], `consent-${id}.json`, { type: 'application/json' })
  return (
    <>
      {facts}
      <button type="button" onClick={() => save(file())}>
        {text('consents.save')}
      </button>
    </>
  )
}

function mandateOf(mandate: Mandate | undefined) {
  if (mandate === undefined) return []
  return [
    ['consents.mandateBy', <bdi key="service">{mandate.service}</bdi>] as const,
    ['consents.mandateAsked', <Id key="question" of={mandate.question} />] as const,
    ...(mandate.issue === undefined
      ? []
      : [['consents.mandateNumber', <Id key="issue" of={mandate.issue} />] as const]),
  ]
}

function factsOf({ judgedAt, askedBy, boundBy, credentials, attested = [] }: NonNullable<Found['proof']>) {
  return [
    ...credentials.map(
      ({ type, issuer }) => ['consents.credential', <bdi key={type}>{`${type}, ${issuer}`}</bdi>] as const,
    ),
    ...attested.map(
      ({ name, type, issuer }) =>
        ['consents.attested', <bdi key={name}>{`${name}: ${type}, ${issuer}`}</bdi>] as const,
    ),
    ['consents.boundBy', text(`consents.boundBy.${boundBy}`)] as const,
    ['consents.judgedAt', <Time key="judged" at={judgedAt} />] as const,
    ['consents.askedBy', <Id key="asked" of={askedBy} />] as const,
  ]
}
