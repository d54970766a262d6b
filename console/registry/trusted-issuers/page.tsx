/**
 * The issuers of credentials whom the instance trusts, and those it trusted before: what for, by which CA,
 * until when.
 */
import { Act } from '../../kit/act.tsx'
import { claimText } from '../../kit/attested.ts'
import { type Certificate, CertificateFacts } from '../../kit/certificate.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Issuer, MARKS } from './issuer.ts'
import { TrustIssuer } from './trust-issuer.tsx'

type Anchor = Certificate & { trustedFrom: string | null; trustedUntil: string | null }
type Listed = {
  name: string
  state: 'TRUSTED' | 'WITHDRAWN'
  changedAt: string
  issuer: Issuer
  anchors: Anchor[]
}

export function TrustedIssuers() {
  const issuers = useAnswer<Listed[]>('getTrustedIssuers')
  const known = issuers.state === 'there' ? issuers.data.map(({ issuer }) => issuer) : []
  return (
    <>
      <Head title={text('issuers.title')} lead={text('issuers.lead')} acts={<TrustIssuer all={known} />} />
      <Show of={issuers}>
        {(all) =>
          all.length === 0 ? (
            <Empty>
              <p>{text('issuers.none')}</p>
            </Empty>
          ) : (
            all.map((one) => <IssuerPart key={one.name} of={one} all={known} />)
          )
        }
      </Show>
    </>
  )
}

function IssuerPart({ of, all }: { of: Listed; all: Issuer[] }) {
  const { name, state, issuer, anchors, changedAt } = of
  const { purpose, types, claims, requiresStatus, statusHosts = [], signers, statusSigners } = issuer
  return (
    <Part
      title={name}
      acts={
        <>
          <TrustIssuer now={issuer} cas={anchors} all={all} />
          {state === 'TRUSTED' && (
            <Act
              operation="withdrawTrustedIssuer"
              button={text('trust.withdraw')}
              label={text('trust.withdrawThis', { name })}
              title={text('trust.withdrawTitle', { name })}
              consequence={<p>{text('issuers.withdrawConsequence')}</p>}
              nameToType={name}
              send={(_, call) => call('withdrawTrustedIssuer', { params: { name } })}
              result={() => <p>{text('trust.withdrawn')}</p>}
            />
          )}
        </>
      }
    >
      <Facts
        of={[
          ['issuers.state', text(`issuers.state.${state}`)],
          ['issuers.purpose', <bdi key="purpose">{purpose}</bdi>],
          ['issuers.types', <Lines key="types" of={types} />],
          [
            'issuers.claims',
            claims === undefined ? (
              text('issuers.allClaims')
            ) : (
              <Lines key="claims" of={claims.map(claimText)} />
            ),
          ],
          [
            'issuers.subject',
            signers === undefined ? text('issuers.allSigners') : <Marks key="signers" of={signers} />,
          ],
          [
            'issuers.statusSigners',
            statusSigners === undefined ? (
              text('issuers.sameSigners')
            ) : (
              <Marks key="statusSigners" of={statusSigners} />
            ),
          ],
          [
            'issuers.status',
            text(
              requiresStatus === true || typeof requiresStatus === 'string'
                ? 'issuers.status.needed'
                : 'issuers.status.optional',
            ),
          ],
          [
            'issuers.hosts',
            statusHosts.length === 0 ? text('common.none') : <Lines key="hosts" of={statusHosts} />,
          ],
          ['issuers.changed', <Time key="changed" at={changedAt} />],
        ]}
      />
      <ul class="plain-list ruled">
        {anchors.map((one, place) => (
          // One that was trusted twice stands there twice.
          <li key={place}>
            <h3>{text('issuers.ca')}</h3>
            {one.trustedFrom !== null && (
              <p>
                {text('issuers.from')} <Time at={one.trustedFrom} relative />
              </p>
            )}
            {one.trustedUntil !== null && (
              <p>
                {text('issuers.until')} <Time at={one.trustedUntil} relative />
              </p>
            )}
            <CertificateFacts of={one} />
          </li>
        ))}
      </ul>
    </Part>
  )
}

function Lines({ of }: { of: string[] }) {
  return (
    <ul class="plain-list">
      {of.map((one) => (
        <li key={one}>
          <bdi class="id wrap">{one}</bdi>
        </li>
      ))}
    </ul>
  )
}

/** A certificate has to have all that one of them says. */
function Marks({ of }: { of: NonNullable<Issuer['signers']> }) {
  return (
    <ul class="plain-list">
      {of.map((mark) => (
        <li key={JSON.stringify(mark)}>
          {MARKS.map(
            (name) =>
              mark[name] !== undefined && (
                <p key={name}>
                  <span class="beside">{text(`issuers.mark.${name}`)}</span>{' '}
                  <bdi class="id wrap">{mark[name]}</bdi>
                </p>
              ),
          )}
        </li>
      ))}
    </ul>
  )
}
