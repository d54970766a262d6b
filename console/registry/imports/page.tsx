/** Imports of running instances: dry runs, and imports that were carried out. */
import { Link } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Done } from '../../kit/done.tsx'
import { Head } from '../../kit/facts.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { AddImport } from './add.tsx'
import { type Import, ImportState, importPath, titleOf } from './import.tsx'

export function Imports() {
  return (
    <>
      <Head title={text('imports.title')} lead={text('imports.lead')} acts={<AddImport />} />
      <Table<Import>
        operation="getImports"
        caption={text('imports.title')}
        search="imports.search"
        filters={[
          {
            name: 'state',
            title: 'common.state',
            options: [
              { value: '', title: text('common.all') },
              { value: 'OPEN', title: text('imports.OPEN') },
              { value: 'CARRIED_OUT', title: text('imports.CARRIED_OUT') },
            ],
          },
        ]}
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'imports.one',
            cell: (one) => (
              <Link to={importPath(one.id)}>
                <bdi class="wrap">{titleOf(one)}</bdi>
              </Link>
            ),
          },
          { title: 'common.state', cell: (one) => <ImportState of={one} /> },
          {
            title: 'imports.anchorHash',
            cell: ({ anchorHash }) => <Copyable value={anchorHash} label={text('imports.anchorHash')} />,
          },
          {
            title: 'imports.examined',
            cell: ({ examinedAt, examinedBy }) => <Done at={examinedAt} by={examinedBy} />,
          },
          {
            title: 'imports.carriedOut',
            cell: ({ carriedOutAt, carriedOutBy }) =>
              carriedOutAt === undefined ? (
                text('imports.notYet')
              ) : (
                <Done at={carriedOutAt} by={carriedOutBy ?? ''} />
              ),
          },
        ]}
        empty={<p>{text('imports.empty')}</p>}
      />
    </>
  )
}
