/** One time-stamping service. */
import { Act } from '../../kit/act.tsx'
import { type Certificate, CertificateFacts } from '../../kit/certificate.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { text } from '../../kit/text.ts'
import { trustServiceId } from '../trust-service-place.ts'
import type { CostType } from './certification-service.tsx'

export type TimestampingService = Certificate & { id: number; name: string; url: string; costType: CostType }

export function TimestampingServicePart({ service }: { service: TimestampingService }) {
  const { id, name, url, costType } = service
  return (
    <Part
      id={trustServiceId('timestampingService', id)}
      title={name}
      acts={
        <Act
          operation="deleteTimestampingService"
          button={text('trust.withdraw')}
          label={text('trust.withdrawThis', { name })}
          title={text('trust.withdrawTitle', { name })}
          consequence={<p>{text('trust.withdrawTimestampingConsequence')}</p>}
          nameToType={name}
          send={(_, call) => call('deleteTimestampingService', { params: { id: String(id) } })}
          result={() => <p>{text('trust.withdrawn')}</p>}
        />
      }
    >
      <Facts
        of={[
          ['trust.kind', text('trust.timestamping')],
          ['trust.url', <Copyable key="url" value={url} />],
          ['trust.costType', text(`trust.costType.${costType}`)],
        ]}
      />
      <ul class="plain-list ruled">
        <li>
          <h3>{text('trust.tsaCertificate')}</h3>
          <CertificateFacts of={service} />
        </li>
      </ul>
    </Part>
  )
}
