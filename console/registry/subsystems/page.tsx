/** The subsystems of all members. */
import { Link } from '../../kit/address.tsx'
import { Head } from '../../kit/facts.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ClientNameLink, clientPath } from '../links.tsx'
import { useClasses } from '../members/page.tsx'

export type Subsystem = { id: string; name: string; memberName: string; createdAt: string }

export function memberOf(id: string): string {
  return id.split(':').slice(0, 3).join(':')
}

export function Subsystems() {
  const classes = useClasses()
  return (
    <>
      <Head title={text('subsystems.title')} lead={text('subsystems.lead')} />
      <Table<Subsystem>
        operation="getAllSubsystems"
        caption={text('subsystems.title')}
        search="subsystems.search"
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
            title: 'subsystems.name',
            sort: 'name',
            cell: (one) => <ClientNameLink id={one.id} name={one.name} />,
          },
          { title: 'common.id', sort: 'id', cell: ({ id }) => <bdi class="id">{id}</bdi> },
          {
            title: 'members.one',
            cell: ({ id, memberName }) => (
              <Link to={clientPath(memberOf(id))}>
                <bdi>{memberName}</bdi>
              </Link>
            ),
          },
          { title: 'common.createdAt', sort: 'createdAt', cell: ({ createdAt }) => <Time at={createdAt} /> },
        ]}
        empty={<p>{text('subsystems.empty')}</p>}
      />
    </>
  )
}
