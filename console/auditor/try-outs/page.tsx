/** Trying a service: who asks whom, what is offered, a form for each operation, and the answer with its evidence. */
import { useState } from 'preact/hooks'
import { ApiFault } from '../../kit/api.ts'
import { useConsole } from '../../kit/context.ts'
import { Head, Part } from '../../kit/facts.tsx'
import type { Values } from '../../kit/field.tsx'
import { Form } from '../../kit/form.tsx'
import type { Page } from '../../kit/frame.tsx'
import { useAnnounce } from '../../kit/live.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Answer } from './answer.tsx'
import { BY_HAND, callOf, fieldsOf, WHY } from './call-form.ts'
import {
  type Operation,
  type Parties,
  type Service,
  serviceName,
  type Tried,
  type TryOuts,
} from './shapes.ts'

type Offered = Parties & { services: Service[] }

function TryServices() {
  const settings = useAnswer<TryOuts>('getTryOuts')
  const [offered, setOffered] = useState<Offered>()
  return (
    <Show of={settings} page="tryOuts.title">
      {(known) => (
        <>
          <Head title={text('tryOuts.title')} lead={<p>{text('tryOuts.lead')}</p>} />
          {known.clients.length === 0 ? (
            <Empty>
              <p>{text('tryOuts.off')}</p>
              <p>{text('tryOuts.offWhy')}</p>
            </Empty>
          ) : (
            <Who known={known} found={setOffered} />
          )}
          {offered !== undefined && <Services key={`${offered.client} ${offered.provider}`} of={offered} />}
        </>
      )}
    </Show>
  )
}

/** Sends an act of the form; a session that has ended goes back to the sign-in. */
function useSend() {
  const { api, signedOut } = useConsole()
  return async <T,>(operation: string, body: object): Promise<T | undefined> => {
    try {
      return (await api.call<T>(operation, { body })).data
    } catch (cause) {
      if (cause instanceof ApiFault && cause.status === 401) return void signedOut()
      throw cause
    }
  }
}

function Who({ known: { clients, providers }, found }: { known: TryOuts; found(offered: Offered): void }) {
  const send = useSend()
  const announce = useAnnounce()
  const find = async (values: Values): Promise<void> => {
    const parties = { client: String(values['client']), provider: String(values['provider']) }
    const answer = await send<{ services: Service[] }>('findTryOutServices', parties)
    if (answer === undefined) return
    found({ ...parties, ...answer })
    announce(text('tryOuts.services', parties))
  }
  return (
    <Part title={text('tryOuts.who')}>
      <Form
        fields={[
          {
            ...{ name: 'client', title: 'tryOuts.client', type: 'select', initial: clients[0] ?? '' },
            options: clients.map((value) => ({ value, title: value })),
          },
          {
            ...{ name: 'provider', title: 'tryOuts.provider', type: 'select' },
            options: providers.map(({ id, name }) => ({ value: id, title: `${id} (${name})` })),
          },
        ]}
        submit={text('tryOuts.find')}
        send={find}
      />
    </Part>
  )
}

type Chosen = { service: Service; operations: Operation[] }

function Services({ of: { services, ...parties } }: { of: Offered }) {
  const send = useSend()
  const announce = useAnnounce()
  const [chosen, setChosen] = useState<Chosen>()
  const describe = async (values: Values): Promise<void> => {
    const service = services.find((one) => serviceName(one) === values['service'])
    if (service === undefined) return
    const answer = await send<{ operations: Operation[] }>('describeTryOut', { ...parties, ...service })
    if (answer === undefined) return
    setChosen({ service, ...answer })
    announce(text('tryOuts.operations', { service: serviceName(service) }))
  }
  return (
    <Part title={text('tryOuts.services', parties)}>
      {services.length === 0 ? (
        <Empty>
          <p>{text('tryOuts.none')}</p>
          <p>{text('tryOuts.noneWhy')}</p>
        </Empty>
      ) : (
        <Form
          fields={[
            {
              ...{ name: 'service', title: 'tryOuts.service', type: 'select' },
              options: services.map((one) => ({
                value: serviceName(one),
                title: `${serviceName(one)} (${one.type})`,
              })),
            },
          ]}
          submit={text('tryOuts.describe')}
          send={describe}
        />
      )}
      {chosen !== undefined && <Operations key={serviceName(chosen.service)} parties={parties} {...chosen} />}
    </Part>
  )
}

function Operations({ parties, service, operations }: Chosen & { parties: Parties }) {
  const all = operations.length === 0 ? [undefined] : operations
  return (
    <section>
      <h3>{text('tryOuts.operations', { service: serviceName(service) })}</h3>
      {operations.length === 0 && <p class="note">{text('tryOuts.byHand')}</p>}
      {all.map((operation) => {
        const name = operation === undefined ? serviceName(service) : `${operation.method} ${operation.path}`
        return (
          <details key={name} open={all.length === 1}>
            <summary>
              <bdi class="id">{name}</bdi> {operation?.summary}
            </summary>
            {operation !== undefined && operation.description !== '' && (
              <p class="wrap">{operation.description}</p>
            )}
            <Call parties={parties} service={service} operation={operation} />
          </details>
        )
      })}
    </section>
  )
}

type CallProps = { parties: Parties; service: Service; operation: Operation | undefined }

function Call({ parties, service, operation }: CallProps) {
  const send = useSend()
  const announce = useAnnounce()
  const [tried, setTried] = useState<Tried>()
  const { serviceCode, serviceVersion } = service
  const call = async (values: Values): Promise<void> => {
    setTried(undefined)
    const answer = await send<Tried>('tryService', {
      ...{ ...parties, serviceCode, ...(serviceVersion !== undefined && { serviceVersion }) },
      ...callOf(operation, service, values),
    })
    if (answer === undefined) return
    setTried(answer)
    announce(text(answer.outcome === 'ANSWERED' ? 'tryOuts.answered' : 'tryOuts.refused'))
  }
  const fields = operation === undefined ? BY_HAND : fieldsOf(operation, service)
  return (
    <>
      <Form fields={[...fields, ...WHY]} submit={text('tryOuts.send')} send={call} />
      {tried !== undefined && <Answer of={tried} />}
    </>
  )
}

export const tryOuts: Page = {
  path: '/try-outs',
  title: 'tryOuts.title',
  listed: true,
  operation: 'tryService',
  View: TryServices,
}
