/** Says in the words of contracts what a use was: parties, contract, purpose, legal basis, fields. */
import { colonForm } from '#schemas/colon-identifiers.ts'
import type { ContractContent } from '#schemas/contract.ts'
import type { Purposes, Usage, UsageContract, UsageParty } from '#schemas/find-usage.ts'
import { idText, memberOf, parseClientId, parseServiceId } from '#schemas/identifiers.ts'
import type { TrackerRooms } from './rooms.ts'
import type { ServiceRule } from './store.ts'

/** What is said of a use beside its time and ids. */
type Described = Pick<Usage, 'purposes'> & {
  client?: UsageParty
  service?: UsageParty
  contract?: UsageContract
  legalBasis?: string
  fields?: NonNullable<Usage['fields']>
  isGeneral?: true
}

type Named = { client: string; service: string; contract: string; purpose: string }

/** The language of texts of which nobody says it (RFC 5646). */
const UNDETERMINED = 'und'

export async function describeUse(
  named: Named,
  rules: ReadonlyMap<string, ServiceRule>,
  rooms: Pick<TrackerRooms, 'contractOf' | 'globalConfiguration'>,
): Promise<Described> {
  const rule = rules.get(named.service)
  // Of another person something could be learnt from parties, contract and purpose.
  if (rule?.isGeneral === true) return { purposes: rule.words, isGeneral: true }
  const content = named.contract === '' ? undefined : await rooms.contractOf(named.contract)
  const said = content?.purpose ?? named.purpose
  const contract = contractIn(named.contract, content)
  const fields = content && fieldsIn(content, named.service)
  return {
    client: partyOf(named.client, 'client', rooms),
    service: partyOf(named.service, 'service', rooms),
    ...(contract && { contract }),
    purposes: { ...(said !== '' && { [UNDETERMINED]: said }), ...rule?.words },
    ...(content && { legalBasis: content.legalBasis }),
    ...(fields && { fields }),
  }
}

/** One text of them, in this language if there is one. */
export function purposeIn(purposes: Purposes, language: string): string | undefined {
  return purposes[language] ?? purposes[UNDETERMINED] ?? Object.values(purposes)[0]
}

export function partyOf(
  id: string,
  kind: 'client' | 'service',
  { globalConfiguration }: Pick<TrackerRooms, 'globalConfiguration'>,
): UsageParty {
  const member = memberOf(kind === 'client' ? parseClientId(id) : parseServiceId(id))
  const name = globalConfiguration.current().indexFor(member.instance)?.memberName(member)
  return { id: colonForm(id), ...(name !== undefined && { name }) }
}

function contractIn(version: string, content: ContractContent | undefined): UsageContract | undefined {
  const slash = version.lastIndexOf('/')
  if (slash < 0) return undefined
  return {
    ...{ id: version.slice(0, slash), version: Number(version.slice(slash + 1)) },
    ...(content && { title: content.title, retentionDays: content.retentionDays }),
  }
}

function fieldsIn({ services }: ContractContent, service: string): Usage['fields'] {
  const { serviceCode } = parseServiceId(service)
  const terms = services.find((one) => one.serviceCode === serviceCode)
  const fields = {
    ...(terms?.requestFields && { request: terms.requestFields }),
    ...(terms?.responseFields && { response: terms.responseFields }),
  }
  return Object.keys(fields).length === 0 ? undefined : fields
}

/** Which subsystem answers, and on which server. */
export function headOf(subsystem: string, { server }: Pick<TrackerRooms, 'server'>) {
  return { subsystem: colonForm(subsystem), server: colonForm(idText(server)) }
}
