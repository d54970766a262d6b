/**
 * Rights given from the other end: to whom is picked first, then one service with one of its endpoints, or
 * several services as a whole.
 */
import { useState } from 'preact/hooks'
import { Act } from '../../kit/act.tsx'
import { Link, useAddress } from '../../kit/address.tsx'
import { Head } from '../../kit/facts.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { NamedId } from '../words.tsx'
import { Candidates, Give, mayTakeTwo, rightsHere } from './give.tsx'
import { type Ended, EndedInTurn, inTurn } from './in-turn.tsx'
import { clientPath, type Service, SUBJECT_TYPES, type Subject, serviceName } from './shapes.ts'
import { WhatOf } from './words.tsx'

type To = Omit<Subject, 'name'>

export function GiveServicesPage({ params }: { params: Record<string, string> }) {
  const id = params['id'] ?? ''
  const { query } = useAddress()
  const subjectType = SUBJECT_TYPES.find((one) => one === query.get('subjectType'))
  const subjectId = query.get('of') ?? ''
  const own = `${clientPath(id)}/service-clients`
  const isPicked = subjectType !== undefined && subjectId !== ''
  return (
    <>
      <Head
        title={isPicked ? text('rights.giveToThis', { subject: subjectId }) : text('rights.give')}
        lead={text(isPicked ? 'rights.giveServicesLead' : 'rights.giveLead', { client: id })}
        acts={<Link to={own}>{text('rights.all')}</Link>}
      />
      {isPicked ? (
        <Services key={`${subjectType} ${subjectId}`} client={id} to={{ subjectType, subjectId }} />
      ) : (
        <Candidates
          client={id}
          columns={[
            {
              title: 'common.acts',
              cell: (one) => (
                <Link
                  to={`${own}/give?${new URLSearchParams({ subjectType: one.subjectType, of: one.subjectId })}`}
                  class="button"
                  label={text('rights.giveToThis', { subject: one.subjectId })}
                >
                  {text('rights.giveTo')}
                </Link>
              ),
            },
          ]}
        />
      )}
    </>
  )
}

function Services({ client, to }: { client: string; to: To }) {
  /** Also those of other pages of the list. */
  const [chosen, setChosen] = useState<Service[]>([])
  const isChosen = ({ id }: Service): boolean => chosen.some((one) => one.id === id)
  const toggle = (service: Service): void =>
    setChosen(isChosen(service) ? chosen.filter(({ id }) => id !== service.id) : [...chosen, service])
  return (
    <>
      {chosen.length === 0 ? (
        <p class="above-list">{text('rights.chooseServices')}</p>
      ) : (
        <div class="acts above-list">
          <GiveChosen services={chosen} to={to} then={(ended) => setChosen(leftOf(chosen, ended))} />
        </div>
      )}
      <Table<Service>
        operation="findServices"
        fixed={{ clientId: client }}
        caption={text('clients.services')}
        search="services.searchDescriptions"
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'services.one',
            cell: (one) => (
              <label class="check">
                <input
                  type="checkbox"
                  checked={isChosen(one)}
                  disabled={rightsHere(one, to).some(({ wholeService }) => wholeService)}
                  onChange={() => toggle(one)}
                />
                <NamedId of={one.fullServiceId} />
              </label>
            ),
          },
          { title: 'rights.hasHere', cell: (one) => <Has service={one} to={to} /> },
          {
            title: 'common.acts',
            acts: ['addAccessRight'],
            cell: (one) => (
              <Give
                service={one}
                to={to}
                label={text('rights.giveServiceTo', { subject: to.subjectId, service: serviceName(one) })}
              />
            ),
          },
        ]}
        empty={<p>{text('rights.noService')}</p>}
      />
    </>
  )
}

/** Those to which the right was not given stay chosen. */
function leftOf(chosen: Service[], ended: Ended[]): Service[] {
  const isLeft = ({ outcome }: Ended): boolean => outcome !== 'done' && outcome !== 'proposed'
  const names = new Set(ended.filter(isLeft).map(({ name }) => name))
  return chosen.filter(({ fullServiceId }) => names.has(fullServiceId))
}

function Has({ service, to }: { service: Service; to: To }) {
  const rights = rightsHere(service, to)
  if (rights.length === 0) return <>{text('rights.hasNone')}</>
  return (
    <ul class="plain-list">
      {rights.map((one) => (
        <li key={one.id}>
          <WhatOf of={one} />
        </li>
      ))}
    </ul>
  )
}

function GiveChosen({ services, to, then }: { services: Service[]; to: To; then(ended: Ended[]): void }) {
  const count = services.length
  return (
    <Act<Ended[]>
      operation="addAccessRight"
      look="primary"
      mayTakeTwo={services.some(mayTakeTwo)}
      button={text('rights.giveChosen', { count })}
      title={text('rights.giveToThis', { subject: to.subjectId })}
      consequence={
        <>
          <p>{text('rights.giveChosenConsequence', { subject: to.subjectId })}</p>
          <ul>
            {services.map(({ id, fullServiceId }) => (
              <li key={id}>
                <NamedId of={fullServiceId} />
              </li>
            ))}
          </ul>
        </>
      }
      shows
      send={(_, call) =>
        inTurn(
          services.map(({ id, fullServiceId }) => ({
            name: fullServiceId,
            send: () => call('addAccessRight', { params: { id: String(id) }, body: to }),
          })),
        )
      }
      result={(ended) => <EndedInTurn of={ended} done="rights.isGiven" />}
      then={then}
    />
  )
}
