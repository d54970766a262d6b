/** One global group and its members. */
import { Act } from '../../kit/act.tsx'
import { goTo } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { History } from '../history.tsx'
import { ClientNameLink } from '../links.tsx'
import { useClients } from '../pick.ts'

type Group = { code: string; description: string; keptByRegistry: boolean; members: number }
type Client = { id: string; name: string }

export function OneGroup({ params }: { params: Record<string, string> }) {
  const clients = useClients()
  const group = useAnswer<Group>('getGlobalGroup', { params: { code: params['code']! } })
  return (
    <Show of={group} page="groups.one">
      {({ code, description, keptByRegistry }) => (
        <>
          <Head
            title={description}
            lead={<Copyable value={code} />}
            acts={
              keptByRegistry ? undefined : (
                <>
                  <Act
                    operation="describeGlobalGroup"
                    button={text('groups.describe')}
                    title={text('groups.describeTitle', { name: code })}
                    consequence={<p>{text('groups.describeConsequence')}</p>}
                    fields={[
                      {
                        name: 'description',
                        title: 'groups.description',
                        maxLength: 255,
                        initial: description,
                      },
                    ]}
                    send={(body, call) => call('describeGlobalGroup', { params: { code }, body })}
                    result={() => <p>{text('groups.described')}</p>}
                  />
                  <Act
                    operation="deleteGlobalGroup"
                    button={text('groups.delete')}
                    title={text('groups.deleteTitle', { name: code })}
                    consequence={<p>{text('groups.deleteConsequence')}</p>}
                    nameToType={code}
                    send={(_, call) => call('deleteGlobalGroup', { params: { code } })}
                    result={() => <p>{text('groups.deleted')}</p>}
                    then={() => goTo('/global-groups')}
                  />
                </>
              )
            }
          />
          <Part
            title={text('groups.members')}
            acts={
              keptByRegistry ? undefined : (
                <Act
                  operation="addGlobalGroupMember"
                  button={text('groups.addMember')}
                  title={text('groups.addMember')}
                  consequence={<p>{text('groups.addMemberConsequence')}</p>}
                  fields={[
                    {
                      ...{ name: 'client', title: 'common.clientId', hint: 'call.pickHint' },
                      ...{ type: 'pick', find: clients, maxLength: 1100 },
                    },
                  ]}
                  send={(body, call) => call('addGlobalGroupMember', { params: { code }, body })}
                  result={() => <p>{text('groups.memberAdded')}</p>}
                />
              )
            }
          >
            {keptByRegistry && <p>{text('groups.keptByRegistry')}</p>}
            <Table<Client>
              operation="getGlobalGroupMembers"
              params={{ code }}
              caption={text('groups.members')}
              search="common.searchClient"
              rowKey={({ id }) => id}
              columns={[
                { title: 'common.name', cell: (one) => <ClientNameLink {...one} /> },
                { title: 'common.id', cell: ({ id }) => <bdi class="id">{id}</bdi> },
                ...(keptByRegistry
                  ? []
                  : [
                      {
                        title: 'common.acts' as const,
                        acts: ['deleteGlobalGroupMember'],
                        cell: ({ id }: Client) => (
                          <div class="acts">
                            <Act
                              operation="deleteGlobalGroupMember"
                              button={text('common.remove')}
                              label={text('common.removeThis', { what: id })}
                              title={text('groups.removeMemberTitle', { name: id })}
                              consequence={<p>{text('groups.removeMemberConsequence')}</p>}
                              send={(_, call) =>
                                call('deleteGlobalGroupMember', { params: { code, client: id } })
                              }
                              result={() => <p>{text('groups.memberRemoved')}</p>}
                            />
                          </div>
                        ),
                      },
                    ]),
              ]}
              empty={<p>{text('groups.noMembers')}</p>}
            />
          </Part>
          <History of="global-groups" id={code} />
        </>
      )}
    </Show>
  )
}
