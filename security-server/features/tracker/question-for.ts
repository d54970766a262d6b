/**
 * The question to the index by person for one subsystem, without what is withheld today. `nextEnd`: when the
 * first of that is told.
 */
import { consentedServices } from '#core/contract/read-consent.ts'
import type { ContractContent } from '#schemas/contract.ts'
import type { Period } from './read-question.ts'
import type { TrackerRooms, UsesQuestion } from './rooms.ts'

/** Who asks which tracker: identifiers in text form. */
export type AskedTracker = { client: string; subsystem: string }

export async function questionFor(
  { subsystem }: AskedTracker,
  period: Period,
  { store, clock, contentsOf }: Pick<TrackerRooms, 'store' | 'clock' | 'contentsOf'>,
): Promise<
  Pick<UsesQuestion, 'subsystem' | 'from' | 'to' | 'general' | 'withheld'> & { nextEnd: string | undefined }
> {
  const exceptions = await store.inForce(subsystem, new Date(clock()).toISOString())
  const rules = await store.rules(subsystem)
  const of = (scope: string): string[] =>
    exceptions.filter((one) => one.scope === scope).map(({ target }) => target)
  const general = [...rules.values()].filter(({ isGeneral }) => isGeneral).map(({ service }) => service)
  const records = of('message').map(Number)
  const [nextEnd] = exceptions.map(({ ends_at: at }) => at).sort()
  const contracts = of('contract')
  const agreed = contracts.length === 0 ? [] : (await contentsOf(contracts)).flatMap(agreedIn)
  return { subsystem, general, nextEnd, ...period, withheld: { records, contracts, agreed } }
}

/**
 * What a version has people agree to, by service: whoever agreed sees each use, also where an earlier version
 * was withheld as a whole.
 */
function agreedIn(content: ContractContent): string[] {
  const { contract, version, provider } = content
  return consentedServices(content).map(
    ({ serviceCode }) => `${contract}/${version} ${provider}/${serviceCode}`,
  )
}
