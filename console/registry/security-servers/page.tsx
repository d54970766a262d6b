/** The security servers of the instance, and the act that registers one. */
import { Act } from '../../kit/act.tsx'
import { goTo } from '../../kit/address.tsx'
import { Head } from '../../kit/facts.tsx'
import { Status } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ServerLink, ServerRowLink, serverPath } from '../links.tsx'
import { useMembers } from '../pick.ts'
import type { Server } from './server.ts'

export function SecurityServers() {
  const members = useMembers()
  return (
    <>
      <Head
        title={text('servers.title')}
        lead={text('servers.lead')}
        acts={
          <Act<{ id: string }>
            operation="addSecurityServer"
            button={text('servers.add')}
            look="primary"
            title={text('servers.add')}
            consequence={<p>{text('servers.addConsequence')}</p>}
            fields={[
              {
                ...{ name: 'owner', title: 'servers.owner', hint: 'servers.ownerHint', type: 'pick' },
                ...{ find: members, maxLength: 800, check: wrongOwner },
              },
              {
                ...{ name: 'code', title: 'servers.code', hint: 'servers.codeHint', maxLength: 255 },
                ...{ partOf: 'id', check: wrongCode },
              },
              { name: 'address', title: 'servers.address', hint: 'servers.addressHint', maxLength: 253 },
            ]}
            send={({ owner, code, address }, call) =>
              call('addSecurityServer', {
                body: { id: `${String(owner).trim()}:${String(code).trim()}`, address: address! },
              })
            }
            result={({ id }) => (
              <p>
                {text('servers.added')} <ServerLink id={id} />
              </p>
            )}
            then={({ id }) => goTo(serverPath(id))}
          />
        }
      />
      <Table<Server>
        operation="getSecurityServers"
        caption={text('servers.title')}
        search="servers.search"
        filters={[
          {
            name: 'certificate',
            title: 'servers.certificates',
            options: [
              { value: '', title: text('common.all') },
              { value: 'none', title: text('servers.withoutCertificate') },
            ],
          },
        ]}
        order="id"
        rowKey={({ id }) => id}
        columns={[
          { title: 'servers.one', sort: 'id', cell: ({ id }) => <ServerRowLink id={id} /> },
          {
            title: 'servers.address',
            sort: 'address',
            cell: ({ address }) => <bdi class="id">{address}</bdi>,
          },
          {
            title: 'servers.certificates',
            cell: ({ certificates }) =>
              certificates.length === 0 ? (
                <Status tone="bad" word="status.noCertificate" />
              ) : (
                number(certificates.length)
              ),
          },
          { title: 'servers.clients', number: true, cell: ({ clients }) => number(clients.length) },
          { title: 'common.createdAt', sort: 'createdAt', cell: ({ createdAt }) => <Time at={createdAt} /> },
        ]}
        empty={<p>{text('servers.empty')}</p>}
      />
    </>
  )
}

/** Why this names no member. */
function wrongOwner(typed: string): string | undefined {
  const parts = typed.trim().split(':')
  return parts.length === 3 && parts.every((part) => part !== '') ? undefined : text('servers.wrongOwner')
}

/** Why this is no code. */
function wrongCode(typed: string): string | undefined {
  return typed.includes(':') ? text('servers.wrongCode') : undefined
}
