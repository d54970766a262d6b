/**
 * What can be done with a client: most of it is asked of the registry, and comes into force with the
 * configuration.
 */
import type { ComponentChildren } from 'preact'
import { Act } from '../../kit/act.tsx'
import { goTo } from '../../kit/address.tsx'
import { useAnswer } from '../../kit/load.ts'
import { type TextKey, text } from '../../kit/text.ts'
import { type Filed, FiledResult } from '../requests/filed.tsx'
import { type Client, isSubsystem } from '../services/shapes.ts'

export function ClientActs({ of }: { of: Client }) {
  const { status } = of
  const isRegistered = status === 'REGISTERED'
  const isDisabled = status === 'DISABLED' || status === 'ENABLING_IN_PROGRESS'
  return (
    <>
      {(status === 'SAVED' || status === 'GLOBAL_ERROR') && <Register of={of} />}
      {(isDisabled || status === 'GLOBAL_ERROR') && <Ask of={of} operation="enableClient" what="enable" />}
      {isRegistered && isSubsystem(of.id) && <Rename of={of} />}
      {isRegistered && <Ask of={of} operation="disableClient" what="disable" />}
      {isRegistered && !isSubsystem(of.id) && <MakeOwner of={of} />}
      {(isRegistered || isDisabled) && <Unregister of={of} />}
      <Delete of={of} />
    </>
  )
}

const NAME = { name: 'subsystemName', title: 'clients.subsystemName', maxLength: 255 } as const

export function Register({ of }: { of: Pick<Client, 'id'> }) {
  return (
    <Act<Filed>
      operation="registerClient"
      button={text('clients.register')}
      look="primary"
      title={text('clients.registerThis', { id: of.id })}
      consequence={<p>{text('clients.registerConsequence')}</p>}
      fields={isSubsystem(of.id) ? [{ ...NAME, hint: 'clients.subsystemNameHint', required: false }] : []}
      send={({ subsystemName }, call) => {
        const name = String(subsystemName ?? '').trim()
        return call('registerClient', {
          params: { clientId: of.id },
          body: name === '' ? {} : { subsystemName: name },
        })
      }}
      result={(filed) => <FiledResult of={filed} />}
    />
  )
}

function Rename({ of }: { of: Client }) {
  return (
    <Act<Filed>
      operation="renameClient"
      button={text('clients.rename')}
      title={text('clients.renameThis', { id: of.id })}
      consequence={<p>{text('clients.renameConsequence')}</p>}
      fields={[{ ...NAME, initial: of.subsystemName ?? '' }]}
      send={({ subsystemName }, call) =>
        call('renameClient', {
          params: { clientId: of.id },
          body: { subsystemName: String(subsystemName).trim() },
        })
      }
      result={(filed) => <FiledResult of={filed} />}
    />
  )
}

type AskProps = { of: Client; operation: string; what: 'enable' | 'disable' }

function Ask({ of, operation, what }: AskProps) {
  const key = (more: 'This' | 'Consequence'): TextKey => `clients.${what}${more}`
  return (
    <Act<Filed>
      operation={operation}
      button={text(`clients.${what}`)}
      title={text(key('This'), { id: of.id })}
      consequence={<p>{text(key('Consequence'))}</p>}
      send={(_, call) => call(operation, { params: { clientId: of.id } })}
      result={(filed) => <FiledResult of={filed} />}
    />
  )
}

/** Not for the member that owns the server already. */
function MakeOwner({ of }: { of: Client }) {
  const status = useAnswer<{ serverId: string }>('getInitializationStatus')
  if (status.state !== 'there' || status.data.serverId.startsWith(`${of.id}:`)) return null
  return (
    <Act<Filed>
      operation="changeOwner"
      button={text('clients.makeOwner')}
      title={text('clients.makeOwnerThis', { id: of.id })}
      consequence={
        <>
          <p>{text('clients.makeOwnerConsequence')}</p>
          <p class="note">{text('clients.makeOwnerNote')}</p>
        </>
      }
      nameToType={of.id}
      send={(_, call) => call('changeOwner', { params: { clientId: of.id } })}
      result={(filed) => <FiledResult of={filed} />}
    />
  )
}

function Unregister({ of }: { of: Client }) {
  return (
    <Act<Filed>
      operation="unregisterClient"
      button={text('clients.unregister')}
      title={text('clients.unregisterThis', { id: of.id })}
      consequence={<p>{text('clients.unregisterConsequence')}</p>}
      nameToType={of.id}
      send={(_, call) => call('unregisterClient', { params: { clientId: of.id } })}
      result={(filed) => <FiledResult of={filed} />}
    />
  )
}

function Delete({ of }: { of: Client }) {
  const notes: ComponentChildren[] = [
    (of.status === 'REGISTERED' || of.status === 'DISABLED') && text('clients.deleteRegistered'),
    of.services > 0 && text('clients.deleteServices', { count: of.services }),
  ].filter(Boolean)
  return (
    <Act
      operation="deleteClient"
      button={text('clients.delete')}
      title={text('clients.deleteThis', { id: of.id })}
      consequence={
        <>
          <p>{text('clients.deleteConsequence')}</p>
          {notes.map((note, at) => (
            <p class="note" key={at}>
              {note}
            </p>
          ))}
        </>
      }
      nameToType={of.id}
      send={(_, call) => call('deleteClient', { params: { clientId: of.id } })}
      result={() => <p>{text('clients.deleted')}</p>}
      then={() => goTo('/clients')}
    />
  )
}
