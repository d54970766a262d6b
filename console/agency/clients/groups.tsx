/** The local groups of a client: lists of subsystems to which rights are given at once. */
import { Act } from '../../kit/act.tsx'
import { goTo, Link } from '../../kit/address.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { number, text } from '../../kit/text.ts'
import { type Client, clientName, type Group, groupPath } from '../services/shapes.ts'
import { ClientLead, ClientTabs } from './tabs.tsx'

export function GroupsPage({ params }: { params: Record<string, string> }) {
  const id = params['id'] ?? ''
  const client = useAnswer<Client>('getClient', { params: { clientId: id } })
  const groups = useAnswer<Group[]>('getClientLocalGroups', { params: { clientId: id } })
  return (
    <Show of={client} page="localGroups.title">
      {(one) => (
        <>
          <Head title={clientName(one)} lead={<ClientLead of={one} />} />
          <ClientTabs id={one.id} shown="groups" />
          <Part title={text('localGroups.title')} acts={<Make of={one.id} />}>
            <p>{text('localGroups.lead')}</p>
            <Show of={groups}>{(all) => <Groups all={all} />}</Show>
          </Part>
        </>
      )}
    </Show>
  )
}

function Groups({ all }: { all: Group[] }) {
  return (
    <HeldTable<Group>
      caption={text('localGroups.title')}
      rows={all}
      rowKey={({ id }) => id}
      search="localGroups.search"
      words={({ code, description, members }) => `${code} ${description} ${members.join(' ')}`}
      columns={[
        {
          title: 'localGroups.one',
          cell: ({ id, code, description }) => (
            <>
              <Link to={groupPath(id)}>
                <bdi>{code}</bdi>
              </Link>
              <p class="beside">
                <bdi>{description}</bdi>
              </p>
            </>
          ),
        },
        { title: 'localGroups.members', number: true, cell: ({ members }) => number(members.length) },
        {
          title: 'common.state',
          cell: ({ warnings, members }) =>
            warnings.length > 0 ? (
              <Status tone="warn" word="localGroups.someUnknown" />
            ) : members.length === 0 ? (
              <Status tone="quiet" word="localGroups.isEmpty" />
            ) : (
              <Status tone="good" word="localGroups.inForce" />
            ),
        },
      ]}
      empty={<p>{text('localGroups.none')}</p>}
    />
  )
}

function Make({ of }: { of: string }) {
  return (
    <Act<Group>
      operation="addClientLocalGroup"
      button={text('localGroups.make')}
      look="primary"
      title={text('localGroups.make')}
      consequence={<p>{text('localGroups.makeConsequence')}</p>}
      fields={[
        { name: 'code', title: 'localGroups.code', hint: 'common.codeHint', maxLength: 255 },
        {
          name: 'description',
          title: 'localGroups.description',
          hint: 'localGroups.descriptionHint',
          maxLength: 255,
        },
      ]}
      send={({ code, description }, call) =>
        call('addClientLocalGroup', {
          params: { clientId: of },
          body: { code: String(code).trim(), description: String(description).trim() },
        })
      }
      result={() => <p>{text('localGroups.made')}</p>}
      then={({ id }) => goTo(groupPath(id))}
    />
  )
}
