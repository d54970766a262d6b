/** The CAs, OCSP responders and time-stamping authorities that the instance accepts. */
import { Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { AddCertificationService, AddTimestampingService } from './add.tsx'
import { type CertificationService, CertificationServicePart } from './certification-service.tsx'
import { CertificateProfiles } from './profiles.tsx'
import { type TimestampingService, TimestampingServicePart } from './timestamping-service.tsx'

export function TrustServices() {
  const certification = useAnswer<CertificationService[]>('getCertificationServices')
  const timestamping = useAnswer<TimestampingService[]>('getTimestampingServices')
  return (
    <>
      <Head
        title={text('trust.title')}
        lead={text('trust.lead')}
        acts={
          <>
            <AddCertificationService />
            <AddTimestampingService />
          </>
        }
      />
      <Show of={certification}>
        {(services) =>
          services.length === 0 ? (
            <Part title={text('trust.certification')}>
              <Empty>
                <p>{text('trust.noCertification')}</p>
              </Empty>
            </Part>
          ) : (
            services.map((service) => <CertificationServicePart key={service.id} service={service} />)
          )
        }
      </Show>
      <Show of={timestamping}>
        {(services) =>
          services.length === 0 ? (
            <Part title={text('trust.timestamping')}>
              <Empty>
                <p>{text('trust.noTimestamping')}</p>
              </Empty>
            </Part>
          ) : (
            services.map((service) => <TimestampingServicePart key={service.id} service={service} />)
          )
        }
      </Show>
      <CertificateProfiles />
    </>
  )
}
