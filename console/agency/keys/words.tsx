/** States of tokens and certificates in words and colour. */
import { Link } from '../../kit/address.tsx'
import { ServerCode } from '../../kit/named.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { NamedId } from '../words.tsx'
import type { Certificate, Token } from './shapes.ts'

const SOON_MS = 30 * 86_400_000

export function TokenState({ of: { initialized, loggedIn, hardware, type } }: { of: Token }) {
  const [tone, word]: [Tone, TextKey] = !initialized
    ? ['bad', 'certs.token.none']
    : hardware?.state === 'away'
      ? ['bad', 'certs.token.away']
      : loggedIn
        ? ['good', type === 'TRANSIT' ? 'certs.token.ready' : 'certs.token.open']
        : ['bad', type === 'TRANSIT' ? 'certs.token.refused' : 'certs.token.locked']
  return <Status tone={tone} word={word} />
}

/** What stands first is what matters most: whether the certificate can be used, and whether it is. */
export function CertificateState({ of }: { of: Certificate }) {
  const [tone, word] = stateOf(of)
  return <Status tone={tone} word={word} />
}

function stateOf({ state, active, ocsp, usage, inUse, remedy, notAfter }: Certificate): [Tone, TextKey] {
  if (state === 'expired') return ['bad', 'certs.certificate.expired']
  if (ocsp.state === 'revoked') return ['bad', 'certs.certificate.revoked']
  if (!active) return ['quiet', 'certs.certificate.off']
  if (state === 'saved') return ['warn', 'certs.certificate.unregistered']
  if (remedy !== undefined) return ['bad', 'certs.certificate.unusable']
  if (Date.parse(notAfter) - Date.now() < SOON_MS) return ['warn', 'certs.certificate.endsSoon']
  if (!inUse) return ['good', 'certs.certificate.ready']
  return ['good', usage === 'SIGNING' ? 'certs.certificate.signs' : 'certs.certificate.authenticates']
}

const OCSP_TONES: Record<Certificate['ocsp']['state'], Tone> = {
  good: 'good',
  revoked: 'bad',
  unknown: 'bad',
  stale: 'warn',
  none: 'warn',
}

export function OcspState({ of: { ocsp } }: { of: Certificate }) {
  return <Status tone={OCSP_TONES[ocsp.state]} word={`certs.ocsp.${ocsp.state}`} />
}

/** Whether a person has to do something about it. */
export function needsSomebody(of: Certificate): boolean {
  const [tone] = stateOf(of)
  return tone === 'bad' || tone === 'warn'
}

const MOST_USERS = 5

/** Who cannot go on without the certificate. */
export function UsedBy({ of }: { of: Certificate }) {
  const { usage, users, usedBy } = of
  if (users === 0 || !of.needed) return <>{text(users === 0 ? 'certs.usedByNobody' : 'certs.spare')}</>
  const shown = usedBy.slice(0, MOST_USERS)
  return (
    <ul class="plain-list tight">
      {shown.map(({ type, id }) => (
        <li key={`${type} ${id}`}>
          {type === 'CLIENT' ? (
            <Link to={`/clients/${id}`}>
              <NamedId of={id} />
            </Link>
          ) : (
            <>
              {text(usage === 'SIGNING' ? 'certs.requestsOf' : 'certs.connectionsOf')} <ServerCode id={id} />
            </>
          )}
        </li>
      ))}
      {users > shown.length && <li>{text('certs.andMore', { count: users - shown.length })}</li>}
    </ul>
  )
}

type StopsProps = { of: Certificate; with?: 'key' }

/** What stops unless another certificate takes over; `with` the key, when it goes with it. */
export function Stops({ of: { inUse, needed, usage, users }, with: goes }: StopsProps) {
  if (!needed) return null
  const act = !inUse ? 'waits' : goes === 'key' ? 'deleteStops' : 'stops'
  return (
    <p class="note">{text(`certs.${act}${usage === 'SIGNING' ? 'Signing' : 'Server'}`, { count: users })}</p>
  )
}
