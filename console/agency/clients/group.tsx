/** One local group: its members, who are picked, and what it may call. */
import { Act } from '../../kit/act.tsx'
import { goTo, Link } from '../../kit/address.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { clientPath, type Group, groupPath, type Subject } from '../services/shapes.ts'
import { SubjectOf } from '../services/words.tsx'
import { Id, NamedId } from '../words.tsx'

export function GroupPage({ params }: { params: Record<string, string> }) {
  const found = useAnswer<Group>('getLocalGroup', { params: { id: params['id'] ?? '' } })
  return (
    <Show of={found} page="localGroups.one">
      {(group) => <Found of={group} />}
    </Show>
  )
}

function Found({ of }: { of: Group }) {
  const rights = new URLSearchParams({ subjectType: 'LOCALGROUP', of: of.code })
  return (
    <>
      <Head
        title={text('localGroups.titled', { group: of.code })}
        lead={
          <>
            <bdi>{of.description}</bdi> <Id of={of.clientId} />
          </>
        }
        acts={
          <>
            <Describe of={of} />
            <Delete of={of} />
          </>
        }
      />
      <nav aria-label={text('localGroups.ways')} class="switch acts">
        <Link to={`${clientPath(of.clientId)}/groups`} class="button">
          {text('localGroups.all')}
        </Link>
        <Link to={`${clientPath(of.clientId)}/service-clients?${rights}`} class="button">
          {text('rights.whatMay', { subject: of.code })}
        </Link>
      </nav>
      <Part
        title={text('localGroups.members')}
        acts={
          <Link to={`${groupPath(of.id)}/add`} class="button">
            {text('localGroups.addMembers')}
          </Link>
        }
      >
        {of.warnings.map((warning) => (
          <p key={warning}>
            <Status tone="warn" word="rights.noEffect" /> <span class="beside">{warning}</span>
          </p>
        ))}
        <HeldTable<string>
          caption={text('localGroups.members')}
          rows={of.members}
          rowKey={(id) => id}
          search="common.searchClient"
          words={(id) => id}
          columns={[
            { title: 'rights.subject.SUBSYSTEM', cell: (id) => <NamedId of={id} /> },
            {
              title: 'common.acts',
              acts: ['deleteLocalGroupMembers'],
              cell: (id) => <Remove group={of} of={id} />,
            },
          ]}
          empty={<p>{text('localGroups.noMember')}</p>}
        />
      </Part>
    </>
  )
}

function Remove({ group, of }: { group: Group; of: string }) {
  const title = text('localGroups.removeFrom', { id: of, group: group.code })
  return (
    <Act<Group>
      operation="deleteLocalGroupMembers"
      button={text('common.remove')}
      label={title}
      title={title}
      consequence={<p>{text('localGroups.removeConsequence')}</p>}
      send={(_, call) =>
        call('deleteLocalGroupMembers', { params: { id: String(group.id) }, body: { items: [of] } })
      }
      result={() => <p>{text('localGroups.removed')}</p>}
    />
  )
}

function Describe({ of }: { of: Group }) {
  return (
    <Act<Group>
      operation="updateLocalGroup"
      button={text('localGroups.describe')}
      title={text('localGroups.describeThis', { group: of.code })}
      consequence={<p>{text('localGroups.describeConsequence')}</p>}
      fields={[
        { name: 'description', title: 'localGroups.description', initial: of.description, maxLength: 255 },
      ]}
      send={({ description }, call) =>
        call('updateLocalGroup', {
          params: { id: String(of.id) },
          body: { description: String(description).trim() },
        })
      }
      result={() => <p>{text('localGroups.described')}</p>}
    />
  )
}

function Delete({ of }: { of: Group }) {
  return (
    <Act
      operation="deleteLocalGroup"
      button={text('localGroups.delete')}
      title={text('localGroups.deleteThis', { group: of.code })}
      consequence={<p>{text('localGroups.deleteConsequence')}</p>}
      nameToType={of.code}
      send={(_, call) => call('deleteLocalGroup', { params: { id: String(of.id) } })}
      result={() => <p>{text('localGroups.deleted')}</p>}
      then={() => goTo(`${clientPath(of.clientId)}/groups`)}
    />
  )
}

export function AddMembersPage({ params }: { params: Record<string, string> }) {
  const found = useAnswer<Group>('getLocalGroup', { params: { id: params['id'] ?? '' } })
  return (
    <Show of={found} page="localGroups.addMembers">
      {(group) => (
        <>
          <Head
            title={text('localGroups.addTo', { group: group.code })}
            lead={text('localGroups.addLead')}
            acts={<Link to={groupPath(group.id)}>{text('rights.backTo', { name: group.code })}</Link>}
          />
          <Table<Subject>
            operation="findServiceClientCandidates"
            params={{ clientId: group.clientId }}
            fixed={{ subjectType: 'SUBSYSTEM' }}
            caption={text('localGroups.candidates')}
            search="rights.search"
            rowKey={({ subjectId }) => subjectId}
            columns={[
              { title: 'rights.who', cell: (one) => <SubjectOf of={one} /> },
              {
                title: 'common.state',
                cell: ({ subjectId }) =>
                  group.members.includes(subjectId) ? (
                    <Status tone="good" word="localGroups.isMember" />
                  ) : (
                    text('localGroups.isNoMember')
                  ),
              },
              {
                title: 'common.acts',
                acts: ['addLocalGroupMembers'],
                cell: ({ subjectId }) =>
                  group.members.includes(subjectId) ? (
                    <Remove group={group} of={subjectId} />
                  ) : (
                    <AddMember group={group} of={subjectId} />
                  ),
              },
            ]}
            empty={<p>{text('rights.noCandidate')}</p>}
          />
        </>
      )}
    </Show>
  )
}

function AddMember({ group, of }: { group: Group; of: string }) {
  const title = text('localGroups.addThis', { id: of, group: group.code })
  return (
    <Act<Group>
      operation="addLocalGroupMembers"
      button={text('localGroups.addOne')}
      label={title}
      title={title}
      consequence={<p>{text('localGroups.addConsequence')}</p>}
      send={(_, call) =>
        call('addLocalGroupMembers', { params: { id: String(group.id) }, body: { items: [of] } })
      }
      result={() => <p>{text('localGroups.added')}</p>}
    />
  )
}
