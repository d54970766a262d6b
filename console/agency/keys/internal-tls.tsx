/** The key that this server shows to its own agency's systems, and what they have to trust. */
import { useState } from 'preact/hooks'
import { Act } from '../../kit/act.tsx'
import { useConsole } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import type { Field } from '../../kit/field.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Saved } from '../../kit/saved.tsx'
import { Validity } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { FORMAT } from './download.tsx'
import { pemFile } from './files.ts'
import { type InternalTls, subjectName, subjectText } from './shapes.ts'

const SUBJECT: Field[] = [
  { name: 'CN', title: 'certs.dn.CN', hint: 'certs.internalNameHint', maxLength: 255 },
  { name: 'O', title: 'certs.dn.O', maxLength: 255, required: false },
  {
    ...{ name: 'C', title: 'certs.dn.C', hint: 'certs.countryHint', maxLength: 2, required: false },
    check: (value) => (/^[A-Z]{2}$/.test(value.trim()) ? undefined : text('certs.countryWrong')),
  },
]
const NAMES: Field[] = [
  { name: 'dnsNames', title: 'certs.dnsNames', hint: 'certs.oneALine', type: 'long', required: false },
  { name: 'ipAddresses', title: 'certs.ipAddresses', hint: 'certs.oneALine', type: 'long', required: false },
]

export function InternalTlsPage() {
  const found = useAnswer<InternalTls>('getSystemCertificate')
  return (
    <>
      <Head
        title={text('certs.tab.internal')}
        lead={text('certs.internalLead')}
        acts={
          <>
            <Download />
            <MakeRequest />
            <Import />
            <Renew />
          </>
        }
      />
      <Show of={found}>{(one) => <Certificate of={one} />}</Show>
    </>
  )
}

function Certificate({ of }: { of: InternalTls }) {
  return (
    <Part title={text('certs.certificateNamed', { name: subjectName(of.subject) })}>
      <Facts
        of={[
          ['common.state', <Validity key="state" notBefore={of.notBefore} notAfter={of.notAfter} />],
          ['certs.endsAt', <Time key="end" at={of.notAfter} relative />],
          [
            'certs.issuedBy',
            of.selfSigned ? text('certs.selfSigned') : <bdi key="by">{subjectText(of.issuer)}</bdi>,
          ],
          ['certs.algorithm', of.algorithm ?? text('certs.otherAlgorithm')],
          ['certificate.subject', <bdi key="subject">{subjectText(of.subject)}</bdi>],
          ['certificate.notBefore', <Time key="from" at={of.notBefore} />],
          [
            'certificate.sha256',
            <Copyable key="hash" value={of.sha256} label={text('certificate.sha256')} />,
          ],
        ]}
      />
      <p class="inner">{text(of.selfSigned ? 'certs.selfSignedWhy' : 'certs.issuedWhy')}</p>
    </Part>
  )
}

function Download() {
  const { api } = useConsole()
  return (
    <Act<File>
      operation="downloadSystemCertificate"
      button={text('certs.downloadCertificate')}
      title={text('certs.downloadCertificate')}
      consequence={<p>{text('certs.downloadInternalConsequence')}</p>}
      fields={[FORMAT]}
      reads
      send={({ format }) => api.download('downloadSystemCertificate', { query: { format: String(format) } })}
      result={(file) => <Saved file={file} />}
    />
  )
}

function MakeRequest() {
  const lines = (value: unknown): string[] =>
    String(value)
      .split(/[\s,]+/)
      .filter((one) => one !== '')
  return (
    <Act<{ pem: string }>
      operation="generateSystemCertificateRequest"
      shows
      button={text('certs.makeRequest')}
      title={text('certs.internalRequest')}
      consequence={<p>{text('certs.internalRequestConsequence')}</p>}
      fields={[...SUBJECT, ...NAMES]}
      reads
      send={({ dnsNames, ipAddresses, ...subject }, call) => {
        const [dns, ips] = [lines(dnsNames), lines(ipAddresses)]
        const fields = Object.entries(subject).map(([type, value]) => ({ type, value: String(value).trim() }))
        return call('generateSystemCertificateRequest', {
          body: {
            subject: fields.filter(({ value }) => value !== ''),
            ...(dns.length > 0 && { dnsNames: dns }),
            ...(ips.length > 0 && { ipAddresses: ips }),
          },
        })
      }}
      result={({ pem }) => <Made pem={pem} />}
    />
  )
}

function Made({ pem }: { pem: string }) {
  const [file] = useState(() => pemFile('internal-tls-request', pem))
  return (
    <>
      <Saved file={file} />
      <p>{text('certs.requestNext')}</p>
      <textarea class="raw" rows={8} readOnly aria-label={text('certs.request')} value={pem} />
    </>
  )
}

function Import() {
  return (
    <Act<InternalTls>
      operation="importSystemCertificate"
      button={text('certs.import')}
      title={text('certs.internalImport')}
      consequence={<p>{text('certs.internalImportConsequence')}</p>}
      fields={[{ name: 'file', title: 'certificate.file', hint: 'certs.chainHint', type: 'file' }]}
      send={({ file }, call) => call('importSystemCertificate', { body: file as File })}
      result={({ subject }) => (
        <p>
          {text('certs.internalImported')} <bdi>{subjectText(subject)}</bdi>
        </p>
      )}
    />
  )
}

function Renew() {
  return (
    <Act<InternalTls>
      operation="generateSystemTlsKeyAndCertificate"
      button={text('certs.renew')}
      title={text('certs.renew')}
      consequence={<p>{text('certs.renewConsequence')}</p>}
      nameToType={text('certs.renewName')}
      send={(_, call) => call('generateSystemTlsKeyAndCertificate')}
      result={() => <p>{text('certs.renewedNow')}</p>}
    />
  )
}
