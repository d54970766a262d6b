/**
 * A certificate from its key to its use: the request, what the authority made of it, its OCSP response, its
 * registration.
 */
import { Link } from '../../kit/address.tsx'
import { useConsole } from '../../kit/context.ts'
import { Facts } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Activate } from '../keys/certificate.tsx'
import { DownloadRequest } from '../keys/download.tsx'
import { ImportCertificate } from '../keys/import.tsx'
import { useKeeps } from '../keys/keepers.ts'
import { RefreshOcsp } from '../keys/page.tsx'
import { Register } from '../keys/registration.tsx'
import { RequestForm } from '../keys/request-form.tsx'
import { type Certificate, keyPath } from '../keys/shapes.ts'
import { Filed, FiledFacts } from './filed.tsx'
import type { BodyProps } from './shapes.ts'

/** What a step lacks that only who keeps the key can bring. */
const BY_KEEPERS = ['key', 'request', 'certificate', 'registration', 'inactive']

export function CertificateStep({ of: { name, state, missing, after, of } }: BodyProps) {
  const { changed } = useConsole()
  const keeps = useKeeps()
  const usage = name === 'signing' ? 'SIGNING' : 'AUTHENTICATION'
  if (state === 'done') return <Ended of={of} />
  if (after !== undefined) return null
  if (!keeps(usage) && BY_KEEPERS.includes(missing ?? '')) return <p>{text('certs.keptByOfficer')}</p>
  switch (missing) {
    case 'key':
      return <RequestForm usage={usage} name={name} address={of.address} then={changed} />
    case 'request':
      return (
        <RequestForm usage={usage} name={name} address={of.address} keyId={of.keyId ?? ''} then={changed} />
      )
    case 'certificate':
      return (
        <div class="acts">
          <ImportCertificate stay />
          <DownloadRequest params={{ keyId: of.keyId ?? '', csrId: of.csrId ?? '' }} />
          <Link to={keyPath(of.keyId ?? '')}>{text('firstStart.theKey')}</Link>
        </div>
      )
    case 'ocsp':
      return (
        <div class="acts">
          <RefreshOcsp />
        </div>
      )
    case 'registration':
      return (
        <>
          <FiledFacts of={of.filed} />
          <WithCertificate sha256={of.sha256 ?? ''}>
            {(one) => <Register of={one} {...(of.address !== undefined && { address: of.address })} />}
          </WithCertificate>
        </>
      )
    case 'inactive':
      return <WithCertificate sha256={of.sha256 ?? ''}>{(one) => <Activate of={one} />}</WithCertificate>
    case 'revoked':
      return <Link to={keyPath(of.keyId ?? '')}>{text('firstStart.theKey')}</Link>
    default:
      return <Filed of={of.filed} isApproved={missing === 'publication'} />
  }
}

function Ended({ of }: { of: { keyId?: string; notAfter?: string } }) {
  return (
    <Facts
      of={[
        ['certs.endsAt', <Time key="end" at={of.notAfter ?? ''} relative />],
        [
          'certs.one',
          <Link key="key" to={keyPath(of.keyId ?? '')}>
            {text('firstStart.theKey')}
          </Link>,
        ],
      ]}
    />
  )
}

type WithProps = { sha256: string; children(of: Certificate): preact.ComponentChildren }

function WithCertificate({ sha256, children }: WithProps) {
  const found = useAnswer<Certificate>('getCertificate', { params: { sha256 } })
  return (
    <div class="acts">
      <Show of={found}>{children}</Show>
    </div>
  )
}
