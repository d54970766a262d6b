/** The settings of a service, and on request of all services of its WSDL. */
import { Act } from '../../kit/act.tsx'
import type { Field, Values } from '../../kit/field.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { type Service, serviceName } from './shapes.ts'

/** The switch with which the API changes a setting in all services of the description. */
const FOR_ALL = { url: 'urlAll', timeoutMs: 'timeoutAll', verifyTls: 'verifyTlsAll', validate: 'validateAll' }
const TITLES: Record<keyof typeof FOR_ALL, TextKey> = {
  ...{ url: 'services.address', timeoutMs: 'services.timeout' },
  ...{ verifyTls: 'services.verifyTls', validate: 'services.validate' },
}
const ALL = 'all'

export function ChangeSettings({ of }: { of: Service }) {
  return (
    <Act<Service>
      operation="updateService"
      button={text('services.change')}
      title={text('services.changeThis', { name: serviceName(of) })}
      consequence={<p>{text('services.changeConsequence')}</p>}
      fields={fieldsOf(of)}
      send={(values, call) =>
        call('updateService', { params: { id: String(of.id) }, body: changesOf(of, values) })
      }
      result={() => <p>{text('services.changedNow')}</p>}
    />
  )
}

function fieldsOf(of: Service): Field[] {
  const yesNo = [
    { value: 'true', title: text('common.yes') },
    { value: 'false', title: text('common.no') },
  ]
  const whole = (least: number, most: number) => (value: string) =>
    /^[0-9]{1,7}$/.test(value.trim()) && Number(value) >= least && Number(value) <= most
      ? undefined
      : text('services.numberBetween', { least, most })
  const validate: Field = {
    ...{ name: 'validate', title: 'services.validate', hint: 'services.validateHint', type: 'select' },
    initial: of.validate,
    options: (['NONE', 'REQUESTS', 'ALL'] as const).map((value) => ({
      value,
      title: text(`services.validate.${value}`),
    })),
  }
  const forAll: Field = {
    ...{ name: ALL, title: 'services.forAll', hint: 'services.forAllHint', type: 'checks', required: false },
    options: Object.entries(TITLES).map(([value, title]) => ({ value, title: text(title) })),
  }
  return [
    { name: 'url', title: 'services.address', initial: of.url, maxLength: 2048 },
    {
      ...{ name: 'timeoutMs', title: 'services.timeoutSeconds', initial: String(of.timeoutMs / 1000) },
      check: whole(1, 1000),
    },
    {
      ...{ name: 'maxConcurrentCalls', title: 'services.calls', hint: 'services.callsHint' },
      ...{ initial: String(of.maxConcurrentCalls), check: whole(0, 10_000) },
    },
    {
      ...{ name: 'verifyTls', title: 'services.verifyTls', hint: 'services.verifyTlsHint', type: 'select' },
      ...{ initial: String(of.verifyTls), options: yesNo },
    },
    ...(of.type === 'REST' ? [] : [validate]),
    ...(of.type === 'WSDL'
      ? [forAll]
      : [
          {
            ...{ name: 'allowEncodedSlash', title: 'services.encodedSlash', type: 'select' },
            ...{ hint: 'services.encodedSlashHint', initial: String(of.allowEncodedSlash), options: yesNo },
          } satisfies Field,
        ]),
  ]
}

/** What differs, and what is wanted for all services of the description. */
function changesOf(of: Service, values: Values): object {
  const given = (name: string): string => String(values[name] ?? '').trim()
  const forAll = given(ALL) === '' ? [] : given(ALL).split(',')
  const wanted: Record<string, unknown> = {
    url: given('url'),
    timeoutMs: Number(given('timeoutMs')) * 1000,
    maxConcurrentCalls: Number(given('maxConcurrentCalls')),
    verifyTls: given('verifyTls') === 'true',
    ...(of.type !== 'REST' && { validate: given('validate') }),
    ...(of.type !== 'WSDL' && { allowEncodedSlash: given('allowEncodedSlash') === 'true' }),
  }
  const present: Record<string, unknown> = { ...of }
  const changed = Object.entries(wanted).filter(
    ([name, value]) => forAll.includes(name) || present[name] !== value,
  )
  const switches = Object.entries(FOR_ALL).filter(([name]) => forAll.includes(name))
  return { ...Object.fromEntries(changed), ...Object.fromEntries(switches.map(([, name]) => [name, true])) }
}
