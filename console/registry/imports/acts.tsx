/** The acts on an import: add certificates, carry it out with two people, forget it, download its report. */
import { Act } from '../../kit/act.tsx'
import { goTo } from '../../kit/address.tsx'
import { useConsole } from '../../kit/context.ts'
import { save } from '../../kit/save.ts'
import { text } from '../../kit/text.ts'
import { isTooOld, NumbersInBrief, titleOf, type WholeImport } from './import.tsx'

type Collected = { found: number; failed: { what: string; why: string }[]; left: number }

export function ImportActs({ of }: { of: WholeImport }) {
  if (of.state !== 'OPEN') return null
  const params = { id: String(of.id) }
  const name = titleOf(of)
  return (
    <>
      {!isTooOld(of) && (
        <Act
          operation="carryOutImport"
          button={text('imports.carryOut')}
          look="primary"
          title={text('imports.carryOutTitle', { name })}
          consequence={
            <>
              <p>{text('imports.carryOutConsequence')}</p>
              <NumbersInBrief of={of} />
              {of.counts.missingCertificates > 0 && (
                <p class="note">
                  {text('imports.carryOutMissing', { count: of.counts.missingCertificates })}
                </p>
              )}
              <p>
                {text('imports.contentHash')} <span class="id wrap">{of.contentHash}</span>
              </p>
            </>
          }
          send={(_, call) => call('carryOutImport', { params, body: { contentHash: of.contentHash } })}
          result={() => <p>{text('imports.done')}</p>}
        />
      )}
      {!isTooOld(of) && of.counts.missingCertificates > 0 && <Certificates params={params} />}
      <Act
        operation="discardImport"
        button={text('imports.discard')}
        title={text('imports.discardTitle', { name })}
        consequence={<p>{text('imports.discardConsequence')}</p>}
        send={(_, call) => call('discardImport', { params })}
        result={() => <p>{text('imports.discarded')}</p>}
        then={() => goTo('/imports')}
      />
    </>
  )
}

/** The certificates of which the configuration has only the hash. */
function Certificates({ params }: { params: Record<string, string> }) {
  return (
    <>
      <Act<Collected>
        operation="collectImportCertificates"
        button={text('imports.collect')}
        title={text('imports.collect')}
        consequence={<p>{text('imports.collectConsequence')}</p>}
        send={(_, call) => call('collectImportCertificates', { params })}
        result={({ found, failed, left }) => (
          <>
            <p>{text('imports.collected', { count: found })}</p>
            {left > 0 && <p class="note">{text('imports.left', { count: left })}</p>}
            {failed.length > 0 && (
              <details open={failed.length <= 3}>
                <summary>{text('imports.failed', { count: failed.length })}</summary>
                <ul class="plain-list">
                  {failed.map(({ what, why }) => (
                    <li key={what + why} class="wrap">
                      <bdi class="id">{what}</bdi> <bdi class="beside">{why}</bdi>
                    </li>
                  ))}
                </ul>
              </details>
            )}
          </>
        )}
      />
      <Act<{ server: string }>
        operation="addImportCertificate"
        button={text('imports.addCertificate')}
        title={text('imports.addCertificate')}
        consequence={<p>{text('imports.addCertificateConsequence')}</p>}
        fields={[
          {
            name: 'file',
            title: 'imports.certificateFile',
            hint: 'imports.certificateFileHint',
            type: 'file',
          },
        ]}
        send={({ file }, call) => call('addImportCertificate', { params, body: file as File })}
        result={({ server }) => <p class="wrap">{text('imports.certificateAdded', { server })}</p>}
      />
    </>
  )
}

export function SaveReport({ id }: { id: number }) {
  const { api } = useConsole()
  const name = `import-${id}.json`
  return (
    <Act<File>
      operation="getImportReport"
      button={text('imports.saveReport')}
      reads
      title={text('imports.saveReport')}
      consequence={<p>{text('imports.saveReportConsequence')}</p>}
      send={async () => {
        const answer = await api.download('getImportReport', { params: { id: String(id) } })
        save(new File([answer.data], name, { type: 'application/json' }))
        return answer
      }}
      result={() => <p class="wrap">{text('file.saved', { name })}</p>}
    />
  )
}
