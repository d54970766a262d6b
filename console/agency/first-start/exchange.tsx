/**
 * The steps of exchange: who asks here, what is offered, a call by the way of every exchange, and its
 * time-stamp.
 */
import { useState } from 'preact/hooks'
import { Link } from '../../kit/address.tsx'
import { useConsole, useMay } from '../../kit/context.ts'
import { Facts } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Register } from '../clients/acts.tsx'
import { AnotherSubsystem, Candidate, type Member } from '../clients/add.tsx'
import { StampNow } from '../integrity/stamp-now.tsx'
import { AddDescriptions } from '../services/add.tsx'
import { Enable } from '../services/description.tsx'
import { Give } from '../services/give.tsx'
import { clientPath, type Description, type Service, servicePath } from '../services/shapes.ts'
import { Described } from '../try-outs/described.tsx'
import { ExchangeLink, Id, NamedId } from '../words.tsx'
import { Filed } from './filed.tsx'
import type { BodyProps, Call } from './shapes.ts'

export function ClientStep({ of: { state, missing, after, of }, course }: BodyProps) {
  if (state === 'done') return <ClientLink id={of.clientId ?? ''} />
  if (after !== undefined) return null
  if (missing === 'client') return <FirstClient owner={course.serverId.split(':').slice(0, 3).join(':')} />
  return (
    <>
      <ClientLink id={of.clientId ?? ''} />
      <Filed of={of.filed} isApproved={missing === 'publication'} />
      {missing === 'registration' && (
        <div class="acts inner">
          <Register of={{ id: of.clientId ?? '' }} />
        </div>
      )}
    </>
  )
}

function ClientLink({ id }: { id: string }) {
  return (
    <Facts
      of={[
        [
          'clients.one',
          <Link key="client" to={clientPath(id)}>
            <Id of={id} />
          </Link>,
        ],
      ]}
    />
  )
}

/** The subsystems that the configuration knows of the owner, and a new one. */
function FirstClient({ owner }: { owner: string }) {
  const found = useAnswer<Member[]>('findMembers', { query: { q: owner, limit: '20' } })
  return (
    <Show of={found}>
      {(members) => {
        const known = members.find(({ id }) => id === owner)?.subsystems ?? []
        return (
          <>
            {known.length > 0 && (
              <ul class="plain-list">
                {known.map(({ id, name }) => (
                  <li key={id}>
                    <Id of={id} /> <bdi class="beside">{name}</bdi>{' '}
                    <Candidate id={id} own={new Set()} what="clients.addThis" stay />
                  </li>
                ))}
              </ul>
            )}
            <div class="acts inner">
              <AnotherSubsystem of={owner} stay />
            </div>
          </>
        )
      }}
    </Show>
  )
}

export function ServiceStep({ of: { missing, after, of }, course: { finished } }: BodyProps) {
  if (after !== undefined) return null
  const { serviceId, descriptionId, clientId = '', fullServiceId } = of
  if (missing === 'service')
    return (
      <>
        {finished && <p>{text('firstStart.noServiceNeeded')}</p>}
        <div class="acts">
          <AddDescriptions client={clientId} stay />
        </div>
      </>
    )
  return (
    <>
      <Facts
        of={[
          [
            'services.one',
            <Link key="service" to={servicePath(serviceId ?? 0)}>
              <NamedId of={fullServiceId ?? ''} />
            </Link>,
          ],
        ]}
      />
      {missing === 'right' && <FirstRight serviceId={serviceId ?? 0} client={clientId} />}
      {missing === 'off' && <SwitchOn descriptionId={descriptionId ?? 0} />}
    </>
  )
}

/** For the first call the agency's own subsystem gets the right; others are picked on their page. */
function FirstRight({ serviceId, client }: { serviceId: number; client: string }) {
  const mayGive = useMay('addAccessRight')
  const found = useAnswer<Service>('getService', { params: { id: String(serviceId) } })
  return (
    <Show of={found}>
      {(service) => (
        <>
          <p>{text('firstStart.rightWhy')}</p>
          <div class="acts inner">
            <Give service={service} to={{ subjectType: 'SUBSYSTEM', subjectId: client }} />
            {mayGive && <Link to={`${servicePath(serviceId)}/give`}>{text('firstStart.rightOthers')}</Link>}
          </div>
        </>
      )}
    </Show>
  )
}

function SwitchOn({ descriptionId }: { descriptionId: number }) {
  const found = useAnswer<Description>('getServiceDescription', { params: { id: String(descriptionId) } })
  return (
    <div class="acts inner">
      <Show of={found}>{(description) => <Enable of={description} />}</Show>
    </div>
  )
}

const nameOf = ({ client, provider, serviceCode, serviceVersion, type }: Call): string =>
  [client, provider, serviceCode, serviceVersion, type].filter(Boolean).join(' ')

/**
 * The choice is kept when the step is done by it: the answer, which the form shows, belongs to it. When a
 * system called meanwhile, the server takes no try any more, and the form goes.
 */
export function CallStep({ of: { state, after, of } }: BodyProps) {
  const { changed } = useConsole()
  const [call, setCall] = useState<Call>()
  const [isMine, setIsMine] = useState(false)
  const isOver = state === 'done' && !isMine
  const calls = of.calls ?? []
  const [only] = calls
  if (call === undefined && state !== 'done' && calls.length === 1 && only !== undefined) setCall(only)
  return (
    <>
      {state === 'done' && of.record === undefined && <p>{text('firstStart.answeredUnseen')}</p>}
      {state === 'done' && of.record !== undefined && (
        <Facts
          of={[
            ['firstStart.answeredAt', <Time key="at" at={of.at ?? ''} relative />],
            ['tryOuts.evidence', <ExchangeLink key="record" index={of.record} />],
          ]}
        />
      )}
      {state !== 'done' && after === undefined && calls.length === 0 && (
        <p>
          <Link to="/try-outs">{text('tryOuts.title')}</Link>
        </p>
      )}
      {calls.length > 1 && (
        <label class="field">
          {text('firstStart.whichCall')}
          <select
            value={call === undefined ? '' : nameOf(call)}
            onChange={(event) => {
              const chosen = event.currentTarget.value
              setCall(calls.find((one) => nameOf(one) === chosen))
            }}
          >
            <option value="">{text('form.choose')}</option>
            {calls.map((one) => (
              <option key={nameOf(one)} value={nameOf(one)}>
                {text('firstStart.callOf', {
                  client: one.client,
                  provider: one.provider,
                  service: one.serviceCode,
                })}
              </option>
            ))}
          </select>
        </label>
      )}
      {call !== undefined && !isOver && (
        <FirstCall
          key={nameOf(call)}
          of={call}
          ended={(how) => (how === 'answered' ? setIsMine(true) : changed())}
        />
      )}
    </>
  )
}

type FirstProps = { of: Call; ended(how: 'answered' | 'notTaken'): void }

function FirstCall({ of: { client, provider, ...service }, ended }: FirstProps) {
  const why = { case: 'first-start', reason: text('firstStart.callReason') }
  return (
    <Described parties={{ client, provider }} service={{ ...service, allowed: true }} {...{ why, ended }} />
  )
}

export function StampStep({ of: { state, missing, of } }: BodyProps) {
  if (state === 'done') return <p>{text('firstStart.stamped')}</p>
  if (missing === 'stamp')
    return (
      <>
        <Facts of={[['firstStart.waitsSince', <Time key="since" at={of.since ?? ''} relative />]]} />
        <div class="acts inner">
          <StampNow />
          <Link to="/diagnostics/connections">{text('firstStart.testConnections')}</Link>
        </div>
      </>
    )
  return null
}
