/**
 * New service descriptions: a service at an address, or those of an OpenAPI or WSDL document that is given as
 * a file or by its address.
 */
import { Act } from '../../kit/act.tsx'
import { goTo } from '../../kit/address.tsx'
import { ApiFault } from '../../kit/api.ts'
import type { Field, Values } from '../../kit/field.tsx'
import { text } from '../../kit/text.ts'
import { type Description, type DescriptionType, descriptionPath } from './shapes.ts'

type Added = Description & { warnings?: string[] }

const CODE: Field = { name: 'serviceCode', title: 'services.code', hint: 'common.codeHint', maxLength: 255 }
const DOCUMENT: Field[] = [
  { name: 'file', title: 'services.file', hint: 'services.fileHint', type: 'file', required: false },
  {
    ...{ name: 'documentUrl', title: 'services.documentUrl', hint: 'services.documentUrlHint' },
    ...{ maxLength: 2048, required: false },
  },
]
const ADDRESS: Field = { name: 'url', title: 'services.address', maxLength: 2048 }
const OTHER_ADDRESS: Field = { ...ADDRESS, hint: 'services.otherAddressHint', required: false }

const FIELDS: Record<DescriptionType, Field[]> = {
  OPENAPI: [CODE, ...DOCUMENT, OTHER_ADDRESS],
  WSDL: [...DOCUMENT, OTHER_ADDRESS],
  REST: [CODE, { ...ADDRESS, hint: 'services.restAddressHint' }],
}

/** `stay`: the page shows what comes next itself. */
export function AddDescriptions({ client, stay = false }: { client: string; stay?: boolean }) {
  return (
    <>
      {(['OPENAPI', 'WSDL', 'REST'] as const).map((type) => (
        <Act<Added>
          key={type}
          operation="addClientServiceDescription"
          button={text(`services.add.${type}`)}
          title={text(`services.add.${type}`)}
          consequence={
            <>
              <p>{text(`services.addConsequence.${type}`)}</p>
              <p>{text('services.addOff')}</p>
            </>
          }
          fields={FIELDS[type]}
          send={async (values, call) =>
            call('addClientServiceDescription', {
              params: { clientId: client },
              body: { type, ...(await bodyOf(type, values)) },
            })
          }
          result={({ services, warnings = [] }) => (
            <>
              <p>
                <strong>{text('services.added', { count: services.length })}</strong>{' '}
                {text('services.addedNext')}
              </p>
              <ul>
                {warnings.map((one) => (
                  <li key={one}>{one}</li>
                ))}
              </ul>
            </>
          )}
          then={({ id }) => !stay && goTo(descriptionPath(id))}
        />
      ))}
    </>
  )
}

async function bodyOf(type: DescriptionType, { file, ...values }: Values): Promise<object> {
  const given = Object.entries(values)
    .map(([name, value]) => [name, String(value).trim()] as const)
    .filter(([, value]) => value !== '')
  const hasFile = file instanceof File && file.size > 0
  const hasAddress = given.some(([name]) => name === 'documentUrl')
  if (type !== 'REST' && hasFile === hasAddress)
    throw new ApiFault(400, { message: text('services.oneSource') })
  return { ...Object.fromEntries(given), ...(hasFile && { document: await file.text() }) }
}
