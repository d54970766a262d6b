/** One certification service: its top CA, the intermediate CAs, and the OCSP responders. */
import { Act } from '../../kit/act.tsx'
import { type Certificate, CertificateFacts } from '../../kit/certificate.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { Status, Validity } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Consequences } from '../consequences.tsx'
import { trustServiceId } from '../trust-service-place.ts'
import { type AcmeServer, acmeFacts, SetAcmeServer } from './acme-server.tsx'
import { AddIntermediate } from './add.tsx'

export type CostType = 'FREE' | 'PAID' | 'UNDEFINED'
type Responder = { url: string; costType: CostType; certificate?: Certificate }
type Authority = Certificate & { top: boolean; ocspResponders: Responder[] }
export type CertificationService = {
  id: number
  name: string
  certificateProfileInfo: string
  /** When false, its signing certificates are refused. */
  certificateProfileKnown: boolean
  authenticationOnly: boolean
  defaultCsrFormat: string
  acmeServer?: AcmeServer
  authorities: Authority[]
}

export function CertificationServicePart({ service }: { service: CertificationService }) {
  const { id, name } = service
  const authorities = service.authorities.toSorted((a, b) => Number(b.top) - Number(a.top))
  return (
    <Part
      id={trustServiceId('certificationService', id)}
      title={name}
      acts={
        <>
          <AddIntermediate service={id} name={name} />
          <SetAcmeServer id={id} name={name} of={service.acmeServer} />
          <Act
            operation="deleteCertificationService"
            button={text('trust.withdraw')}
            label={text('trust.withdrawThis', { name })}
            title={text('trust.withdrawTitle', { name })}
            consequence={
              <>
                <p>{text('trust.withdrawCertificationConsequence')}</p>
                <Consequences operation="deleteCertificationService" params={{ id: String(id) }} />
              </>
            }
            nameToType={name}
            send={(_, call) => call('deleteCertificationService', { params: { id: String(id) } })}
            result={() => <p>{text('trust.withdrawn')}</p>}
          />
        </>
      }
    >
      <Facts
        of={[
          ['trust.kind', text('trust.certification')],
          [
            'trust.profile',
            <>
              <bdi class="id" title={service.certificateProfileInfo}>
                {service.certificateProfileInfo.split('.').at(-1)}
              </bdi>
              {!service.certificateProfileKnown && (
                <p>
                  <Status tone="bad" word="trust.profileUnknown" /> {text('trust.profileUnknownRemedy')}
                </p>
              )}
            </>,
          ],
          ['trust.usage', text(service.authenticationOnly ? 'trust.usageAuthentication' : 'trust.usageAll')],
          ['trust.csrFormat', service.defaultCsrFormat],
          ...acmeFacts(service.acmeServer),
        ]}
      />
      <ul class="plain-list ruled">
        {authorities.map((authority) => (
          <li key={authority.sha256}>
            <h3>{text(authority.top ? 'trust.topCa' : 'trust.intermediateCa')}</h3>
            <CertificateFacts of={authority} />
            <Responders of={authority.ocspResponders} />
            {!authority.top && (
              <div class="acts">
                <Act
                  operation="deleteIntermediateCa"
                  button={text('trust.withdrawIntermediate')}
                  label={text('trust.withdrawIntermediateOf', { name: authority.subject })}
                  title={text('trust.withdrawTitle', { name: authority.subject })}
                  consequence={
                    <>
                      <p>{text('trust.withdrawIntermediateConsequence')}</p>
                      <Consequences
                        operation="deleteIntermediateCa"
                        params={{ id: String(id), sha256: authority.sha256 }}
                      />
                    </>
                  }
                  nameToType={name}
                  send={(_, call) =>
                    call('deleteIntermediateCa', {
                      params: { id: String(id), sha256: authority.sha256 },
                    })
                  }
                  result={() => <p>{text('trust.withdrawn')}</p>}
                />
              </div>
            )}
          </li>
        ))}
      </ul>
    </Part>
  )
}

function Responders({ of }: { of: Responder[] }) {
  if (of.length === 0) return <p>{text('trust.noResponders')}</p>
  return (
    <>
      <h4>{text('trust.responders')}</h4>
      <ul class="plain-list">
        {of.map(({ url, costType, certificate }) => (
          <li key={url}>
            <bdi class="id">{url}</bdi> <span class="beside">{text(`trust.costType.${costType}`)}</span>{' '}
            {certificate === undefined ? (
              <span class="beside">{text('trust.responderByCa')}</span>
            ) : (
              <>
                <Validity {...certificate} /> <bdi class="beside">{certificate.subject}</bdi>
              </>
            )}
          </li>
        ))}
      </ul>
    </>
  )
}
