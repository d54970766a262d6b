/** The acts of administrators in sentences, newest first, searched by words and time. */
import { ActDetails, ActSentence, type AuditEntry } from '../../kit/act-sentence.tsx'
import { AuditLogActs } from '../../kit/audit-log-acts.tsx'
import { Head } from '../../kit/facts.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

export function AuditLog() {
  return (
    <>
      <Head title={text('audit.title')} lead={text('audit.lead')} acts={<AuditLogActs />} />
      <Table<AuditEntry>
        operation="getAuditLog"
        caption={text('audit.title')}
        search="audit.search"
        filters={[
          { name: 'target', title: 'audit.target', type: 'text' },
          { name: 'from', title: 'audit.from' },
          { name: 'until', title: 'audit.until' },
        ]}
        rowKey={({ sequence }) => sequence}
        columns={[
          { title: 'audit.at', cell: ({ at }) => <Time at={at} /> },
          { title: 'acts.what', cell: (entry) => <ActSentence of={entry} /> },
          { title: 'acts.details', cell: (entry) => <ActDetails of={entry} /> },
        ]}
        empty={<p>{text('audit.empty')}</p>}
      />
    </>
  )
}
