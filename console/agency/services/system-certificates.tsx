/**
 * Certificates by which systems are known, of a client's systems and of a service's: whose each is, until
 * when, and how one is deleted.
 */
import { Act } from '../../kit/act.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import type { Column } from '../../kit/rows.tsx'
import { Validity } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { subjectName, subjectText } from '../keys/shapes.ts'
import type { SystemCertificate } from './shapes.ts'

const HASH_SHOWN = 8
const NAME_SHOWN = 64

/**
 * A certificate that names nobody is called by the beginning of its hash. Its subject is a stranger's text,
 * and whoever deletes it types the name: so that has one blank at most in a row, nothing that is not seen,
 * and an end.
 */
function nameOf({ subject, sha256 }: SystemCertificate): string {
  const visible = subjectName(subjectText(subject ?? ''))
    .replace(/[\s\p{C}]+/gu, ' ')
    .trim()
  return [...visible].slice(0, NAME_SHOWN).join('').trim() || sha256.slice(0, HASH_SHOWN)
}

export const CERTIFICATE_COLUMNS: Column<SystemCertificate>[] = [
  {
    title: 'certificate.subject',
    cell: (one) => (
      <>
        <bdi class="wrap">{nameOf(one)}</bdi>
        <p class="beside">
          {text('certificate.sha256')} <Copyable value={one.sha256} label={text('certificate.sha256')} />
        </p>
      </>
    ),
  },
  {
    title: 'common.state',
    cell: ({ notBefore, notAfter }) =>
      notBefore !== undefined &&
      notAfter !== undefined && <Validity notBefore={notBefore} notAfter={notAfter} />,
  },
  {
    title: 'certificate.notAfter',
    cell: ({ notAfter }) => notAfter !== undefined && <Time at={notAfter} relative />,
  },
]

export function DeleteCertificate(q: {
  of: SystemCertificate
  operation: string
  params: Record<string, string>
  consequence: TextKey
}) {
  const { of, operation, params } = q
  const name = nameOf(of)
  // An old certificate and the one that replaces it have the same name.
  const title = text('clients.deleteCertificateThis', { name: `${name}, ${of.sha256.slice(0, HASH_SHOWN)}` })
  return (
    <Act
      operation={operation}
      button={text('clients.deleteCertificate')}
      label={title}
      title={title}
      consequence={<p>{text(q.consequence)}</p>}
      nameToType={name}
      send={(_, call) => call(operation, { params: { ...params, sha256: of.sha256 } })}
      result={() => <p>{text('clients.certificateDeleted')}</p>}
    />
  )
}
