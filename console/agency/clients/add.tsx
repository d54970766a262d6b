/**
 * A new client: a member or subsystem that the instance knows is searched and picked, or a new subsystem of a
 * member is named.
 */
import { Act } from '../../kit/act.tsx'
import { goTo, Link } from '../../kit/address.tsx'
import { Head } from '../../kit/facts.tsx'
import type { Field } from '../../kit/field.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Status } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { type Client, clientPath, connectionField } from '../services/shapes.ts'
import { Id } from '../words.tsx'

export type Member = { id: string; name: string; subsystems: { id: string; name?: string }[] }

export function AddPage() {
  // Bounded like every list: an addition that the page did not foresee is refused by the server.
  const clients = useAnswer<Client[]>('findClients', { query: { limit: '500' } })
  const own = new Set(clients.state === 'there' ? clients.data.map(({ id }) => id) : [])
  return (
    <>
      <Head
        title={text('clients.add')}
        lead={text('clients.addLead')}
        acts={<Link to="/clients">{text('clients.all')}</Link>}
      />
      <Table<Member>
        operation="findMembers"
        caption={text('clients.candidates')}
        search="common.searchClient"
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'clients.member',
            cell: ({ id, name }) => (
              <>
                <bdi>{name}</bdi>
                <p class="beside">
                  <Id of={id} />
                </p>
                <Candidate id={id} own={own} what="clients.addMember" />
              </>
            ),
          },
          {
            title: 'clients.subsystems',
            cell: ({ id, subsystems }) => (
              <>
                <ul class="plain-list">
                  {subsystems.map((one) => (
                    <li key={one.id}>
                      <bdi class="id">{one.id.split(':').at(-1)}</bdi>
                      {one.name !== undefined && (
                        <span class="beside">
                          {' '}
                          <bdi>{one.name}</bdi>
                        </span>
                      )}{' '}
                      <Candidate id={one.id} own={own} what="clients.addThis" />
                    </li>
                  ))}
                </ul>
                <div class="acts inner">
                  <AnotherSubsystem of={id} />
                </div>
              </>
            ),
          },
        ]}
        empty={<p>{text('clients.noCandidate')}</p>}
      />
    </>
  )
}

type CandidateProps = {
  id: string
  own: Set<string>
  what: 'clients.addMember' | 'clients.addThis'
  stay?: boolean
}

/** `stay`: the page shows what comes next itself. */
export function Candidate({ id, own, what, stay = false }: CandidateProps) {
  if (own.has(id))
    return (
      <Link to={clientPath(id)}>
        <Status tone="good" word="clients.isClient" />
      </Link>
    )
  const title = text(what === 'clients.addMember' ? 'clients.addMemberNamed' : 'clients.addNamed', { id })
  return (
    <span class="acts">
      <Act<Client>
        operation="addClient"
        button={text(what)}
        label={title}
        title={title}
        consequence={<p>{text('clients.addConsequence')}</p>}
        fields={[connectionField()]}
        send={({ connectionType }, call) => call('addClient', { body: { id, connectionType } })}
        result={() => <p>{text('clients.added')}</p>}
        then={(client) => !stay && goTo(clientPath(client.id))}
      />
    </span>
  )
}

const CODE: Field = { name: 'code', title: 'clients.code', hint: 'common.codeHint', maxLength: 255 }

/** `stay`: as for a candidate. */
export function AnotherSubsystem({ of, stay = false }: { of: string; stay?: boolean }) {
  const title = text('clients.addAnotherOf', { id: of })
  return (
    <Act<Client>
      operation="addClient"
      button={text('clients.addAnother')}
      label={title}
      title={title}
      consequence={<p>{text('clients.addAnotherConsequence')}</p>}
      fields={[CODE, connectionField()]}
      send={({ code, connectionType }, call) =>
        call('addClient', { body: { id: `${of}:${String(code).trim()}`, connectionType } })
      }
      result={() => <p>{text('clients.added')}</p>}
      then={(client) => !stay && goTo(clientPath(client.id))}
    />
  )
}
