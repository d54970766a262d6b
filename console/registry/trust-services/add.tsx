/** Approves a certification service, an intermediate CA of one, or a time-stamping service. */
import { Act } from '../../kit/act.tsx'
import { certificateText } from '../../kit/certificate.tsx'
import type { Field, Values } from '../../kit/field.tsx'
import { text } from '../../kit/text.ts'

const CERTIFICATE: Field = {
  name: 'certificate',
  title: 'certificate.file',
  hint: 'certificate.fileHint',
  type: 'file',
}
const costType = (): Field => ({
  name: 'costType',
  title: 'trust.costType',
  type: 'select',
  initial: 'UNDEFINED',
  options: (['UNDEFINED', 'FREE', 'PAID'] as const).map((value) => ({
    value,
    title: text(`trust.costType.${value}`),
  })),
})
const RESPONDER: Field[] = [
  { name: 'ocspUrl', title: 'trust.ocspUrl', hint: 'trust.ocspUrlHint', maxLength: 500, required: false },
  { name: 'ocspCertificate', title: 'trust.ocspCertificate', type: 'file', required: false },
]

/** The first responder; the API accepts more, each with a certificate of its own. */
async function respondersOf({ ocspUrl, ocspCertificate, costType }: Values): Promise<object[]> {
  if (ocspUrl === '' || ocspUrl === undefined) return []
  const own = ocspCertificate instanceof File ? { certificate: await certificateText(ocspCertificate) } : {}
  return [{ url: ocspUrl, costType, ...own }]
}

export function AddCertificationService() {
  return (
    <Act
      operation="addCertificationService"
      button={text('trust.addCertification')}
      title={text('trust.addCertification')}
      consequence={<p>{text('trust.addCertificationConsequence')}</p>}
      fields={[
        { name: 'name', title: 'common.name', maxLength: 255 },
        CERTIFICATE,
        { name: 'profile', title: 'trust.profile', hint: 'trust.profileHint', maxLength: 255 },
        {
          name: 'usage',
          title: 'trust.usage',
          type: 'select',
          initial: 'all',
          options: [
            { value: 'all', title: text('trust.usageAll') },
            { value: 'authentication', title: text('trust.usageAuthentication') },
          ],
        },
        {
          name: 'csrFormat',
          title: 'trust.csrFormat',
          hint: 'trust.csrFormatHint',
          type: 'select',
          initial: 'DER',
          options: ['DER', 'PEM'].map((value) => ({ value, title: value })),
        },
        ...RESPONDER,
        costType(),
      ]}
      send={async (values, call) =>
        call('addCertificationService', {
          body: {
            name: values['name'],
            certificateProfileInfo: values['profile'],
            authenticationOnly: values['usage'] === 'authentication',
            defaultCsrFormat: values['csrFormat'],
            certificate: await certificateText(values['certificate'] as File),
            ocspResponders: await respondersOf(values),
          },
        })
      }
      result={() => <p>{text('trust.added')}</p>}
    />
  )
}

export function AddIntermediate({ service, name }: { service: number; name: string }) {
  return (
    <Act
      operation="addIntermediateCa"
      button={text('trust.addIntermediate')}
      label={text('trust.addIntermediateTo', { name })}
      title={text('trust.addIntermediateTo', { name })}
      consequence={<p>{text('trust.addIntermediateConsequence')}</p>}
      fields={[CERTIFICATE, ...RESPONDER, costType()]}
      send={async (values, call) =>
        call('addIntermediateCa', {
          params: { id: String(service) },
          body: {
            certificate: await certificateText(values['certificate'] as File),
            ocspResponders: await respondersOf(values),
          },
        })
      }
      result={() => <p>{text('trust.added')}</p>}
    />
  )
}

export function AddTimestampingService() {
  return (
    <Act
      operation="addTimestampingService"
      button={text('trust.addTimestamping')}
      title={text('trust.addTimestamping')}
      consequence={<p>{text('trust.addTimestampingConsequence')}</p>}
      fields={[
        { name: 'name', title: 'common.name', maxLength: 255 },
        { name: 'url', title: 'trust.url', maxLength: 500 },
        CERTIFICATE,
        costType(),
      ]}
      send={async (values, call) =>
        call('addTimestampingService', {
          body: {
            name: values['name'],
            url: values['url'],
            costType: values['costType'],
            certificate: await certificateText(values['certificate'] as File),
          },
        })
      }
      result={() => <p>{text('trust.added')}</p>}
    />
  )
}
