/** The acts of administrators, newest first, searched by words and time. */
import { AuditLogActs } from '../../kit/audit-log-acts.tsx'
import { Head } from '../../kit/facts.tsx'
import { operationName } from '../../kit/proposal.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

export type Entry = {
  sequence: number
  at: string
  caller: { id: string; name: string }
  operation: string
  target: string
  data: unknown
  digest: string
}

export function AuditLog() {
  return (
    <>
      <Head title={text('audit.title')} lead={text('audit.lead')} acts={<AuditLogActs />} />
      <Table<Entry>
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
          { title: 'audit.sequence', number: true, cell: ({ sequence }) => String(sequence) },
          { title: 'audit.at', cell: ({ at }) => <Time at={at} /> },
          { title: 'audit.caller', cell: ({ caller }) => <bdi>{caller.name}</bdi> },
          { title: 'audit.operation', cell: ({ operation }) => operationName(operation) },
          { title: 'audit.target', cell: (entry) => <Act {...entry} /> },
        ]}
        empty={<p>{text('audit.empty')}</p>}
      />
    </>
  )
}

function Act({ target, data, digest, sequence }: Entry) {
  return (
    <>
      <bdi class="id wrap">{target}</bdi>
      <details>
        <summary aria-label={text('audit.showThis', { sequence })}>{text('audit.show')}</summary>
        <p class="id wrap">{JSON.stringify(data, undefined, 1)}</p>
        <p class="beside">
          {text('audit.digest')} <span class="id wrap">{digest}</span>
        </p>
      </details>
    </>
  )
}
