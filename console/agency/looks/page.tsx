/** Who looked at what in the message log, for which case and why: every search, view and export. */
import { Link } from '../../kit/address.tsx'
import { AuditLogActs } from '../../kit/audit-log-acts.tsx'
import { Head } from '../../kit/facts.tsx'
import { Table } from '../../kit/table.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { AskedFor } from '../asked-for.tsx'
import { exchangePath } from '../words.tsx'

type Entry = {
  sequence: number
  at: string
  caller: { id: string; name: string }
  operation: string
  target: string
  data: Record<string, unknown> | null
  digest: string
}

const WHAT: Record<string, TextKey> = {
  findRecords: 'looks.findRecords',
  findExchanges: 'looks.findRecords',
  findSubjectRecords: 'looks.findSubjectRecords',
  getTraffic: 'looks.getTraffic',
  getRecord: 'looks.getRecord',
  getExchange: 'looks.getExchange',
  verifyExchange: 'looks.verifyExchange',
  getRecordContent: 'looks.getRecordContent',
  downloadRecordContainer: 'looks.downloadRecordContainer',
  downloadEvidenceBundle: 'looks.downloadEvidenceBundle',
  downloadArchive: 'looks.downloadArchive',
  downloadExport: 'looks.downloadExport',
  getDailyCounts: 'looks.getDailyCounts',
  getDailyCount: 'looks.getDailyCount',
  findErasureOrders: 'looks.findErasureOrders',
  findLegalHolds: 'looks.findLegalHolds',
  getLegalHold: 'looks.getLegalHold',
  getContentRequests: 'looks.getContentRequests',
  getReconciliations: 'looks.getReconciliations',
  getReconciliationCases: 'looks.getReconciliationCases',
  getReconciliationCase: 'looks.getReconciliationCase',
  downloadReconciliationStatement: 'looks.downloadReconciliationStatement',
  getAuditOrders: 'looks.getAuditOrders',
  getTrackerExceptions: 'looks.getTrackerExceptions',
  getConsentByNumber: 'looks.getConsentByNumber',
  getPreviewByNumber: 'looks.getPreviewByNumber',
  getAuditOrder: 'looks.getAuditOrder',
  getComplaints: 'looks.getComplaints',
  getComplaint: 'looks.getComplaint',
  exportAuditLog: 'looks.exportAuditLog',
}

export function Looks() {
  return (
    <>
      <Head title={text('looks.title')} lead={text('looks.lead')} acts={<AuditLogActs />} />
      <Table<Entry>
        operation="getAuditLog"
        fixed={{ about: 'looks' }}
        caption={text('looks.title')}
        search="looks.search"
        filters={[
          { name: 'from', title: 'audit.from' },
          { name: 'until', title: 'audit.until' },
        ]}
        rowKey={({ sequence }) => sequence}
        columns={[
          { title: 'audit.sequence', number: true, cell: ({ sequence }) => String(sequence) },
          { title: 'audit.at', cell: ({ at }) => <Time at={at} /> },
          { title: 'audit.caller', cell: ({ caller }) => <bdi>{caller.name}</bdi> },
          { title: 'looks.what', cell: ({ operation }) => text(WHAT[operation] ?? 'looks.other') },
          { title: 'audit.target', cell: ({ target }) => <Target of={target} /> },
          { title: 'looks.why', cell: ({ data }) => <Why data={data} /> },
          { title: 'looks.asked', cell: (entry) => <Asked {...entry} /> },
        ]}
        empty={<p>{text('looks.empty')}</p>}
      />
    </>
  )
}

function Target({ of }: { of: string }) {
  const index = /^record (\d{1,15})$/.exec(of)?.[1]
  return index === undefined ? <bdi>{of}</bdi> : <Link to={exchangePath(Number(index))}>{of}</Link>
}

function Why({ data }: { data: Entry['data'] }) {
  if (typeof data?.['case'] !== 'string') return null
  return (
    <>
      <bdi>{data['case']}</bdi>
      <br />
      <bdi class="beside">{String(data['reason'] ?? '')}</bdi>
    </>
  )
}

function Asked({ data, digest, sequence }: Entry) {
  const { case: _case, reason: _reason, ...asked } = data ?? {}
  return (
    <details>
      <summary aria-label={text('audit.showThis', { sequence })}>{text('audit.show')}</summary>
      <AskedFor of={asked} />
      <p class="beside">
        {text('audit.digest')} <bdi class="id">{digest}</bdi>
      </p>
    </details>
  )
}
