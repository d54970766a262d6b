/** The global groups, which access rights of all members can name. */
import { Act } from '../../kit/act.tsx'
import { goTo, Link } from '../../kit/address.tsx'
import { segmentOf } from '../../kit/api.ts'
import { Head } from '../../kit/facts.tsx'
import { Table } from '../../kit/table.tsx'
import { number, text } from '../../kit/text.ts'

type Group = { code: string; description: string; members: string[] }

export function GlobalGroups() {
  return (
    <>
      <Head
        title={text('groups.title')}
        lead={text('groups.lead')}
        acts={
          <Act<Group>
            operation="addGlobalGroup"
            button={text('groups.add')}
            look="primary"
            title={text('groups.add')}
            consequence={<p>{text('groups.addConsequence')}</p>}
            fields={[
              { name: 'code', title: 'groups.code', hint: 'common.codeHint', maxLength: 255 },
              { name: 'description', title: 'groups.description', maxLength: 255 },
            ]}
            send={(body, call) => call('addGlobalGroup', { body })}
            result={() => <p>{text('groups.added')}</p>}
            then={({ code }) => goTo(`/global-groups/${segmentOf(code)}`)}
          />
        }
      />
      <Table<Group>
        operation="getGlobalGroups"
        caption={text('groups.title')}
        search="groups.search"
        order="code"
        rowKey={({ code }) => code}
        columns={[
          {
            title: 'groups.code',
            sort: 'code',
            cell: ({ code }) => (
              <Link to={`/global-groups/${segmentOf(code)}`}>
                <bdi>{code}</bdi>
              </Link>
            ),
          },
          { title: 'groups.description', sort: 'description', cell: (one) => <bdi>{one.description}</bdi> },
          { title: 'groups.members', number: true, cell: ({ members }) => number(members.length) },
        ]}
        empty={<p>{text('groups.empty')}</p>}
      />
    </>
  )
}
