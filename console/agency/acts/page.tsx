/** What administrators did at this server, in plain words: by person, kind and time, newest first. */
import { ActDetails, ActSentence, type AuditEntry } from '../../kit/act-sentence.tsx'
import { AuditLogActs } from '../../kit/audit-log-acts.tsx'
import { Head } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

const KINDS = [
  ...(['keys', 'clients', 'services', 'contracts', 'registry'] as const),
  ...(['messages', 'log', 'people', 'trials'] as const),
]

export function Acts() {
  const callers = useAnswer<{ id: string; name: string }[]>('getAuditCallers')
  const people = callers.state === 'there' ? callers.data : []
  return (
    <>
      <Head title={text('acts.title')} lead={text('acts.lead')} acts={<AuditLogActs />} />
      <Table<AuditEntry>
        operation="getAuditLog"
        fixed={{ about: 'acts' }}
        caption={text('acts.title')}
        search="acts.search"
        filters={[
          {
            ...{ name: 'callerId', title: 'acts.who' },
            options: [
              { value: '', title: text('acts.anybody') },
              ...people.map(({ id, name }) => ({ value: id, title: name })),
            ],
          },
          {
            ...{ name: 'kind', title: 'acts.kind' },
            options: [
              { value: '', title: text('common.all') },
              ...KINDS.map((value) => ({ value, title: text(`acts.kind.${value}`) })),
            ],
          },
          { name: 'from', title: 'audit.from' },
          { name: 'until', title: 'audit.until' },
        ]}
        rowKey={({ sequence }) => sequence}
        columns={[
          { title: 'audit.at', cell: ({ at }) => <Time at={at} relative /> },
          { title: 'acts.what', cell: (entry) => <ActSentence of={entry} /> },
          { title: 'acts.details', cell: (entry) => <ActDetails of={entry} /> },
        ]}
        empty={<p>{text('acts.empty')}</p>}
      />
    </>
  )
}
