/**
 * Connections tried now, step by step: to this server as others reach it, to the registry and the
 * authorities, to others, to services.
 */
import { useState } from 'preact/hooks'
import { useAddress } from '../../kit/address.tsx'
import { useConsole } from '../../kit/context.ts'
import { Head, Part } from '../../kit/facts.tsx'
import type { Field, Values } from '../../kit/field.tsx'
import { Form } from '../../kit/form.tsx'
import { useAnnounce } from '../../kit/live.tsx'
import { text } from '../../kit/text.ts'
import { useOwnClients, useSubsystems } from '../pick.ts'
import { type Tried, TriedConnections } from './tried.tsx'

const KINDS = ['SELF', 'CONFIGURATION', 'REGISTRATION', 'TIME_STAMPING', 'OCSP', 'PEER', 'SERVICES'] as const
type Kind = (typeof KINDS)[number]

export function ConnectionsPage() {
  const { api } = useConsole()
  const { query } = useAddress()
  const announce = useAnnounce()
  const [answer, setAnswer] = useState<Tried & { kind: Kind }>()
  const [kind, setKind] = useState<Kind>(KINDS.find((one) => one === query.get('kind')) ?? 'SELF')
  const [subsystems, own] = [useSubsystems(), useOwnClients()]
  const send = async ({ clientId }: Values): Promise<void> => {
    const body = {
      kind,
      ...(clientId !== undefined && clientId !== '' && { clientId: String(clientId).trim() }),
    }
    const { data } = await api.call<Tried & { kind: Kind }>('testConnections', { body })
    setAnswer(data)
    announce(text('connections.tried'))
  }
  const fields: Field[] =
    kind === 'PEER'
      ? [
          {
            name: 'clientId',
            title: 'connections.whose',
            hint: 'connections.whoseHint',
            type: 'pick',
            find: subsystems,
          },
        ]
      : kind === 'SERVICES'
        ? [
            {
              ...{ name: 'clientId', title: 'clients.one', hint: 'connections.servicesHint', type: 'pick' },
              ...{ find: own, required: false },
            },
          ]
        : []
  return (
    <>
      <Head title={text('connections.title')} lead={text('connections.lead')} />
      <Part title={text('connections.part')}>
        <div class="field">
          <label for="connection-kind">{text('connections.kind')}</label>
          <select
            id="connection-kind"
            onChange={(event) => {
              setAnswer(undefined)
              setKind(event.currentTarget.value as Kind)
            }}
          >
            {KINDS.map((value) => (
              <option key={value} value={value} selected={value === kind}>
                {text(`connections.kind.${value}`)}
              </option>
            ))}
          </select>
        </div>
        <p>{text(`connections.why.${kind}`)}</p>
        <Form key={kind} fields={fields} submit={text('connections.try')} send={send} />
      </Part>
      {/* An answer that comes late may be about what was chosen before. */}
      {answer?.kind === kind && (
        <Part title={text('explain.answer')}>
          <TriedConnections of={answer} />
        </Part>
      )}
    </>
  )
}
