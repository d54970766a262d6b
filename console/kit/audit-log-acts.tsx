/** The acts on the audit log: verify its chain, download it. */
import { Act } from './act.tsx'
import { useConsole } from './context.ts'
import { Saved } from './saved.tsx'
import { text } from './text.ts'

type Verdict = { records: number; heads?: number; brokenAt?: number }

export function AuditLogActs() {
  const { api } = useConsole()
  return (
    <>
      <Act<Verdict>
        operation="verifyAuditLog"
        shows
        button={text('audit.verify')}
        reads
        title={text('audit.verify')}
        consequence={<p>{text('audit.verifyConsequence')}</p>}
        send={() => api.call('verifyAuditLog')}
        result={(verdict) => <Verified {...verdict} />}
      />
      <Act<File>
        operation="exportAuditLog"
        button={text('audit.export')}
        reads
        title={text('audit.export')}
        consequence={<p>{text('audit.exportConsequence')}</p>}
        send={() => api.download('exportAuditLog')}
        result={(file) => <Saved file={file} />}
      />
    </>
  )
}

function Verified({ records, heads, brokenAt }: Verdict) {
  if (brokenAt !== undefined)
    return <p role="alert">{text('audit.broken', { sequence: brokenAt, records })}</p>
  return (
    <>
      <p>{text('audit.holds', { records })}</p>
      {heads !== undefined && <p>{text('audit.headsHold', { heads })}</p>}
    </>
  )
}
