/** The members of the instance, and the act that admits one. */

import { Act } from '../../kit/act.tsx'
import { goTo, Link } from '../../kit/address.tsx'
import { Head } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ClientLink, clientPath } from '../links.tsx'

type Member = { id: string; name: string; createdAt: string }
export type MemberClass = { code: string; description: string }

/** More classes than anybody chooses from; others can be found by their code in the list of classes. */
const MOST_CLASSES = '500'

/** The classes for the filter of a list, and for a new member. */
export function useClasses(): { value: string; title: string }[] {
  const classes = useAnswer<MemberClass[]>('getMemberClasses', { query: { limit: MOST_CLASSES } })
  if (classes.state !== 'there') return []
  return classes.data.map(({ code, description }) => ({ value: code, title: `${code} – ${description}` }))
}

export function Members() {
  const classes = useClasses()
  return (
    <>
      <Head
        title={text('members.title')}
        lead={text('members.lead')}
        acts={
          <Act<Member>
            operation="addMember"
            button={text('members.add')}
            look="primary"
            title={text('members.add')}
            consequence={<p>{text('members.addConsequence')}</p>}
            fields={[
              { name: 'memberClass', title: 'members.class', type: 'select', options: classes },
              { name: 'memberCode', title: 'members.code', hint: 'common.codeHint', maxLength: 255 },
              { name: 'name', title: 'members.name', maxLength: 255 },
            ]}
            send={(body, call) => call('addMember', { body })}
            result={({ id }) => (
              <p>
                {text('members.added')} <ClientLink id={id} />
              </p>
            )}
            then={({ id }) => goTo(clientPath(id))}
          />
        }
      />
      <Table<Member>
        operation="getMembers"
        caption={text('members.title')}
        search="members.search"
        filters={[
          {
            name: 'memberClass',
            title: 'members.class',
            options: [{ value: '', title: text('common.all') }, ...classes],
          },
        ]}
        order="id"
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'members.name',
            sort: 'name',
            cell: ({ id, name }) => (
              <Link to={clientPath(id)}>
                <bdi>{name}</bdi>
              </Link>
            ),
          },
          { title: 'common.id', sort: 'id', cell: ({ id }) => <bdi class="id">{id}</bdi> },
          { title: 'common.createdAt', sort: 'createdAt', cell: ({ createdAt }) => <Time at={createdAt} /> },
        ]}
        empty={<p>{text('members.empty')}</p>}
      />
    </>
  )
}
